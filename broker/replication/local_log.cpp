#include "broker/replication/local_log.h"

#include "broker/replication/raft_seams.h"

#include <algorithm>
#include <utility>

namespace penstock::replication {

namespace {

constexpr std::uint64_t first_term = 1;

std::string text(LogIndex index) {
    return std::to_string(index);
}

// Staged with the first entries: the store of one node opens as Raft's store of a sole voter.
std::uint64_t term_of(SetId set, storage::LogStore& store) {
    const std::uint64_t term = store.hard_state(set).term;
    if (term != 0) return term;
    storage::HardState state;
    state.term = first_term;
    store.append_hard_state(set, state);
    return first_term;
}

// A last entry that cannot be read is at or below the applied index, whose time the caller knows,
// or replay() will say so.
TimeMs last_time(SetId set, const storage::LogStore& store, TimeMs applied_ms) {
    const storage::LogStore::Range range = store.range(set);
    if (range.last < range.first) return applied_ms;
    TimeMs latest = applied_ms;
    const auto scanned = store.scan(set, range.last, [&](const storage::StoredEntry& entry) {
        latest = std::max(latest, entry.time_ms);
        return false;
    });
    return scanned ? latest : applied_ms;
}

Error broken(SetId set, const std::string& what) {
    return error(Errc::damaged,
                 "the log of set " + std::to_string(set.value) + " " + what +
                     ". Rows and log are not of one moment: restore the whole data folder");
}

// Who the members were is nothing to a log of one.
ReplayedEntry replayed(const storage::StoredEntry& entry) {
    ReplayedEntry out{entry.term, entry.index, entry.time_ms, entry.commands, {}};
    if (entry.kind == storage::EntryKind::membership) out.commands = {};
    out.bodies.reserve(entry.bodies.size());
    for (const storage::StoredBodyView& body : entry.bodies) {
        out.bodies.push_back(body.present ? body.bytes : std::string_view{});
    }
    return out;
}

}  // namespace

LocalLog::LocalLog(SetId set, storage::LogStore& store, TimeMs last_time_ms)
    : set_(set),
      store_(store),
      term_(term_of(set, store)),
      last_time_ms_(last_time(set, store, last_time_ms)),
      next_index_(store.range(set).last + 1) {}

bool LocalLog::propose(Proposal proposal) {
    last_time_ms_ = std::max(last_time_ms_, proposal.time_ms);
    staged_.push_back({proposal.token, term_, next_index_, last_time_ms_, {}, {}});
    storage::EntryRecord record;
    record.set = set_;
    record.term = term_;
    record.index = next_index_++;
    record.time_ms = last_time_ms_;
    record.commands = std::move(proposal.commands);
    record.bodies = std::move(proposal.bodies);
    store_.append(std::move(record));
    return true;
}

void LocalLog::read(std::uint64_t token) {
    asked_.push_back(token);
}

void LocalLog::cycle() {
    reads_.insert(reads_.end(), asked_.begin(), asked_.end());
    asked_.clear();
}

std::vector<ConfirmedRead> LocalLog::take_reads() {
    std::vector<ConfirmedRead> confirmed;
    for (const std::uint64_t token : std::exchange(reads_, {})) {
        confirmed.push_back({token, committed()});
    }
    return confirmed;
}

std::vector<Committed> LocalLog::take_committed() {
    return std::exchange(staged_, {});
}

LogIndex LocalLog::committed() const {
    return staged_.empty() ? next_index_ - 1 : staged_.front().index - 1;
}

Result<void> LocalLog::replay(LogIndex applied, const Visit& visit) const {
    const LogIndex last = committed();
    // What began as a replicated set has an entry that nobody ever wrote.
    applied = std::max(applied, std::min(store_.start(set_).index, imagined_index));
    if (last < applied) {
        return broken(set_, "ends at entry " + text(last) + ", the rows are at " + text(applied));
    }
    if (last == applied) return {};
    LogIndex expected = applied + 1;
    const LogIndex first = store_.range(set_).first;
    if (first > expected) {
        return broken(set_,
                      "begins at entry " + text(first) + ", the rows end at " + text(applied));
    }
    const auto scanned = store_.scan(set_, expected, [&](const storage::StoredEntry& entry) {
        if (entry.index != expected || entry.index > last) return false;
        visit(replayed(entry));
        ++expected;
        return expected <= last;
    });
    if (!scanned) return scanned.error();
    if (expected <= last) return broken(set_, "has no entry " + text(expected));
    return {};
}

}  // namespace penstock::replication
