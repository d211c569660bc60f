// How a replica begins: from what rows and log store kept, or new.
#include "broker/base/log.h"
#include "broker/replication/raft_parts.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace penstock::replication {

namespace {

constexpr std::size_t facts_per_step = 512;
constexpr LogPoint imagined_first{1, imagined_index};

// Where the engine begins, put together from rows and store.
struct Beginning {
    HardState hard_state;
    LogPoint before_first;
    LogIndex applied = 0;
    Members members;
    LogIndex last = 0;
};

Error unfit(SetId set, const std::string& what) {
    return error(Errc::damaged,
                 "set " + std::to_string(set.value) + ": " + what +
                     ". Rows and log are not of one moment: restore the whole data folder");
}

// A new set begins as if its members had applied an entry 1 that nobody ever wrote.
void begin_new(SetId set, storage::LogStore& store, Members members, Beginning& begin) {
    begin.members = std::move(members);
    begin.before_first = imagined_first;
    begin.applied = imagined_first.index;
    begin.last = imagined_first.index;
    begin.hard_state = {imagined_first.term, 0, imagined_first.index};
    store.replace_log(set, {imagined_first.index, imagined_first.term});
    store.append_hard_state(set, begin.hard_state);
    store.append_conf_state(set, encode_members(begin.members));
}

// A LocalLog's store: what it holds up to the applied index is not needed as entries.
Result<void> begin_alone(SetId set, NodeId self, storage::LogStore& store, Beginning& begin) {
    begin.members = {{self}, {}};
    if (begin.before_first.index > 0) return {};
    if (begin.applied == 0) {
        return error(Errc::invalid,
                     "set " + std::to_string(set.value) +
                         ": apply and flush the log of a single node before it joins others");
    }
    const auto term = store.term_of(set, begin.applied);
    begin.before_first = {term ? *term : begin.hard_state.term, begin.applied};
    store.append_start(set, {begin.before_first.index, begin.before_first.term});
    return {};
}

bool is_new(const Beginning& begin) {
    return begin.hard_state.term == 0 && begin.last == 0 && begin.before_first.index == 0;
}

Members founding(const RaftStart& start, NodeId self) {
    if (start.origin == RaftOrigin::alone) return {{self}, {}};
    Members members{start.founders, {}};
    std::sort(members.voters.begin(), members.voters.end());
    return members;
}

Result<Beginning> beginning(SetId set,
                            NodeId self,
                            storage::LogStore& store,
                            const RaftStart& start) {
    const storage::LogStart stored = store.start(set);
    Beginning begin{store.hard_state(set),
                    {stored.term, stored.index},
                    start.applied,
                    {},
                    store.range(set).last};
    std::string conf_state = start.conf_state;
    // Rows without one have seen no change: the membership is what the log began with.
    if (conf_state.empty()) conf_state = store.conf_state(set);
    if (stored.index == imagined_index) begin.applied = std::max(begin.applied, imagined_index);
    if (!conf_state.empty()) {
        auto members = decode_members(conf_state);
        if (!members) return members.error();
        begin.members = std::move(*members);
    } else if (is_new(begin) && start.origin != RaftOrigin::joining) {
        begin_new(set, store, founding(start, self), begin);
    } else if (start.origin == RaftOrigin::alone) {
        if (auto fits = begin_alone(set, self, store, begin); !fits) return fits.error();
    }
    if (begin.applied > begin.last) return unfit(set, "the rows are ahead of the log");
    if (begin.applied < begin.before_first.index)
        return unfit(set, "the log begins after the rows");
    // The store keeps a commit only with the next entry: the rows may know of a later one.
    begin.hard_state.commit = std::max(begin.hard_state.commit, begin.applied);
    return begin;
}

// The place before the entries that fit into `bytes_max`; all that may yet be replaced are in.
// `keeper` hears of every entry.
Result<LogPoint> tail_begin(SetId set,
                            const storage::LogStore& store,
                            const Beginning& begin,
                            std::uint64_t bytes_max,
                            LogKeeper& keeper) {
    std::deque<storage::EntryFacts> tail;
    LogPoint before = begin.before_first;
    std::uint64_t bytes = 0;
    for (LogIndex next = before.index + 1; next <= begin.last;) {
        const auto facts = store.facts(set, next, facts_per_step);
        if (!facts) return facts.error();
        if (facts->empty()) return unfit(set, "the log has a hole");
        for (const storage::EntryFacts& entry : *facts) {
            bytes += entry.bytes;
            tail.push_back(entry);
            keeper.add(entry.index, entry.bytes);
            next = entry.index + 1;
        }
        while (bytes > bytes_max && tail.front().index <= begin.hard_state.commit) {
            before = {tail.front().term, tail.front().index};
            bytes -= tail.front().bytes;
            tail.pop_front();
            if (tail.empty()) break;
        }
    }
    return before;
}

Result<WindowEntry> kept(const storage::StoredEntry& entry) {
    WindowEntry out;
    out.term = entry.term;
    out.time_ms = entry.time_ms;
    if (entry.kind == storage::EntryKind::membership) {
        out.kind = EntryKind::membership;
        out.payload = std::make_shared<const Payload>(std::string(entry.commands));
    } else if (!entry.commands.empty()) {
        auto payload = payload_of(entry);
        if (!payload) return payload.error();
        out.payload = std::move(*payload);
    }
    return out;
}

RaftEntry to_engine(LogIndex index, const WindowEntry& entry) {
    RaftEntry out{entry.term, index, entry.kind, 0, nullptr};
    if (!entry.payload) return out;
    out.bytes = static_cast<std::uint32_t>(entry.payload->bytes.size());
    out.payload = entry.payload.get();
    if (entry.kind == EntryKind::membership) out.payload = entry.payload->bytes.data();
    return out;
}

Result<std::vector<RaftEntry>> load_tail(SetId set,
                                         const storage::LogStore& store,
                                         LogIndex last,
                                         EntryWindow& window) {
    std::vector<RaftEntry> tail;
    std::optional<Error> wrong;
    const auto scanned = store.scan(set, window.first(), [&](const storage::StoredEntry& entry) {
        auto own = kept(entry);
        if (!own) {
            wrong = own.error();
            return false;
        }
        if (entry.index != window.last() + 1) return false;
        tail.push_back(to_engine(entry.index, *own));
        window.append(entry.index, std::move(*own));
        return true;
    });
    if (wrong) return *wrong;
    if (!scanned) return scanned.error();
    if (window.last() != last) return unfit(set, "the log has a hole");
    return tail;
}

// Of what the rows have applied nothing is needed at a start: the window begins behind what is
// damaged of it.
Result<std::vector<RaftEntry>> load_readable_tail(SetId set,
                                                  const storage::LogStore& store,
                                                  const Beginning& begin,
                                                  LogPoint& before,
                                                  EntryWindow& window) {
    while (true) {
        auto tail = load_tail(set, store, begin.last, window);
        const LogIndex next = window.last() + 1;
        if (tail || tail.error().code != Errc::damaged || next > begin.applied) return tail;
        const auto term = store.term_of(set, next);
        if (!term) return tail;
        log_line(LogLevel::error, "replication", "event=passed_over " + tail.error().detail);
        before = {*term, next};
        window.restart(next);
    }
}

// What can be sent from the start; without one the engine is told of the log's own beginning, of
// which nothing is ever sent.
SnapshotPoint sendable(SetId set,
                       const storage::LogStore& store,
                       const Beginning& begin,
                       HeldSnapshot& held) {
    const SnapshotPoint none{begin.before_first, begin.members};
    const bool fits = held.index >= begin.before_first.index && held.index <= begin.applied;
    const auto term = held.index == begin.before_first.index
                          ? Result<std::uint64_t>(begin.before_first.term)
                          : store.term_of(set, held.index);
    auto members = decode_members(held.conf_state);
    if (held.index == 0 || !fits || !term || !members) {
        held = {};
        return none;
    }
    return {{*term, held.index}, std::move(*members)};
}

std::size_t heads_of(SetId set,
                     const storage::LogStore& store,
                     LogIndex first,
                     std::span<EntryHead> heads) {
    const auto facts = store.facts(set, first, heads.size());
    if (!facts) return 0;
    for (std::size_t at = 0; at < facts->size(); ++at) {
        const storage::EntryFacts& entry = (*facts)[at];
        const bool membership = entry.kind == storage::EntryKind::membership;
        heads[at] = {entry.term,
                     membership ? EntryKind::membership : EntryKind::normal,
                     static_cast<std::uint32_t>(entry.bytes)};
    }
    return facts->size();
}

}  // namespace

Result<std::unique_ptr<RaftLog>> RaftLog::open(const Surroundings& surroundings,
                                               SetId set,
                                               NodeId self,
                                               const RaftStart& start,
                                               const RaftOptions& options) {
    storage::LogStore& store = surroundings.store;
    const auto begin = beginning(set, self, store, start);
    if (!begin) return begin.error();
    // Half a window: room for what comes before the first trim.
    LogKeeper keeper(begin->before_first.index, options.keep_bytes_for_followers);
    auto before_tail = tail_begin(set, store, *begin, options.window_bytes_max / 2, keeper);
    if (!before_tail) return before_tail.error();
    HeldSnapshot held = start.snapshot;
    EngineConfig config;
    config.snapshot = sendable(set, store, *begin, held);
    auto parts = std::make_unique<Parts>(surroundings,
                                         set,
                                         self,
                                         options,
                                         std::move(held),
                                         std::move(keeper),
                                         before_tail->index);
    const auto tail = load_readable_tail(set, store, *begin, *before_tail, parts->window);
    if (!tail) return tail.error();
    config.node = self;
    config.boot = std::max<std::uint64_t>(1, surroundings.random.next());
    config.hard_state = begin->hard_state;
    config.applied = begin->applied;
    config.members = begin->members;
    config.before_first = begin->before_first;
    config.before_tail = *before_tail;
    config.tail = *tail;
    config.options = options.engine;
    config.older_heads = [set, &store](LogIndex first, std::span<EntryHead> heads) {
        return heads_of(set, store, first, heads);
    };
    auto engine = Engine::open(surroundings.library, std::move(config));
    if (!engine) return engine.error();
    parts->engine = std::move(*engine);
    parts->members = begin->members;
    if (!begin->members.voters.empty()) parts->conf_state = encode_members(begin->members);
    if (parts->conf_state != parts->snapshots.held().conf_state) parts->changed_at = begin->applied;
    parts->handed_out = begin->applied;
    parts->handed_out_time = start.time_ms;
    parts->log_time = std::max(start.time_ms, parts->time_at(begin->last));
    parts->keeper.flushed(begin->applied);
    const bool alone = begin->members.voters == std::vector<NodeId>{self};
    if (alone) parts->elections.hurry(0, 1);
    return std::make_unique<RaftLog>(Private{}, std::move(parts));
}

}  // namespace penstock::replication
