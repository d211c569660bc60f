// Opening an engine from stored state: what cannot be right is an Error here (R8), for the core
// would panic over it, now or later.
#include "broker/base/check.h"
#include "broker/replication/etcd_raft/engine.h"
#include "broker/replication/etcd_raft/engine_arrays.h"

#include <algorithm>
#include <string>
#include <utility>

namespace penstock::replication {

namespace {

constexpr std::size_t heads_per_read = 512;

LogLevel level_of(int level) {
    return static_cast<LogLevel>(std::clamp(level, 0, static_cast<int>(LogLevel::error)));
}

void default_log(LogLevel level, std::string_view text) {
    log_line(level, "replication/etcd_raft", text);
}

std::string_view options_complaint(const EngineOptions& options) {
    if (options.heartbeat_ticks == 0 || options.election_ticks <= options.heartbeat_ticks)
        return "election_ticks must be above heartbeat_ticks, and that above 0";
    if (options.inflight_messages_max == 0) return "inflight_messages_max must be above 0";
    if (options.payload_bytes_max > 1U << 30) return "payload_bytes_max must not be above 1 GiB";
    return {};
}

std::string_view tail_complaint(const EngineConfig& config) {
    LogPoint at = config.before_tail;
    if (at.index < config.before_first.index) return "the window begins before the log";
    if (at.index == config.before_first.index && at != config.before_first)
        return "log and window begin at one index and two terms";
    for (const RaftEntry& entry : config.tail) {
        if (entry.index != at.index + 1) return "the log has a hole";
        if (entry.term < at.term || entry.term == 0) return "the terms of the log fall";
        at = {entry.term, entry.index};
    }
    if (config.hard_state.commit > at.index) return "the stored commit is above the last entry";
    return {};
}

std::string_view members_complaint(const EngineConfig& config) {
    if (!well_formed(config.members) || !well_formed(config.snapshot.members))
        return "the members are no proper lists";
    const LogIndex last = config.before_tail.index + config.tail.size();
    if (config.members.voters.empty()) {
        const bool fresh = config.members.learners.empty() && last == 0 &&
                           config.snapshot.point.index == 0 && config.applied == 0;
        return fresh ? "" : "a log without voters";
    }
    if (config.before_first.index == 0) return "a log from index 1 on that no snapshot begins";
    if (config.snapshot.point.index < config.before_first.index)
        return "the log begins after the snapshot";
    if (config.snapshot.point.index > config.applied) return "the snapshot is ahead of the rows";
    if (config.snapshot.members.voters.empty()) return "a snapshot without voters";
    if (config.applied < config.before_first.index) return "the rows are behind the log";
    if (config.applied > last) return "the rows are ahead of the log";
    return {};
}

// The last membership entry that may not be applied yet, or a bound above it.
LogIndex change_seen_in(const EngineConfig& config) {
    LogIndex seen = config.before_tail.index > config.applied ? config.before_tail.index : 0;
    for (const RaftEntry& entry : config.tail)
        if (entry.kind == EntryKind::membership) seen = entry.index;
    return seen;
}

int older_entries(Engine::Arrays& arrays, std::uint64_t first, er_entry* out, int room) {
    auto& heads = arrays.heads;
    heads.assign(std::min(static_cast<std::size_t>(room), heads_per_read), {});
    const std::size_t found = arrays.older_heads ? arrays.older_heads(first, heads) : 0;
    check(found <= heads.size(), "older_heads gave more than it was asked for");
    for (std::size_t at = 0; at < found; ++at) {
        out[at].term = heads[at].term;
        out[at].type = static_cast<std::uint32_t>(heads[at].kind);
        out[at].len = heads[at].bytes;
    }
    return static_cast<int>(found);
}

// An exception must not cross Go's frames: noexcept ends the process instead.
er_callbacks callbacks_of(Engine::Arrays& arrays) {
    er_callbacks calls{};
    calls.context = &arrays;
    calls.entries = [](void* context, std::uint64_t first, er_entry* out, int room) noexcept {
        return older_entries(*static_cast<Engine::Arrays*>(context), first, out, room);
    };
    calls.log = [](void* context, int level, const char* text, std::size_t length) noexcept {
        static_cast<Engine::Arrays*>(context)->log(level_of(level), {text, length});
    };
    return calls;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const EngineLibrary& library, EngineConfig config) {
    if (config.node == NodeId{} || config.boot == 0)
        return error(Errc::invalid, "an engine needs a node id and a boot number");
    std::string_view complaint = options_complaint(config.options);
    if (!complaint.empty()) return error(Errc::invalid, std::string(complaint));
    complaint = tail_complaint(config);
    if (complaint.empty()) complaint = members_complaint(config);
    if (!complaint.empty())
        return error(Errc::damaged, "the stored state of a set: " + std::string(complaint));
    std::unique_ptr<Engine> engine(std::make_unique<Engine>(Private{}, library, config));
    if (!engine->start(std::move(config)))
        return error(Errc::unavailable, "more sets than one process can hold");
    return engine;
}

Engine::Engine(Private, const EngineLibrary& library, const EngineConfig& config)
    : functions_(library.functions()),
      node_(config.node),
      boot_(config.boot),
      options_(config.options),
      arrays_(std::make_unique<Arrays>()),
      hard_state_(config.hard_state),
      members_(config.members),
      snapshot_(config.snapshot),
      applied_{0, config.applied},
      handed_out_(applied_),
      first_(config.before_first.index + 1),
      last_(config.before_tail.index + config.tail.size()),
      durable_(last_),
      changed_at_(config.members == config.snapshot.members ? 0 : config.applied),
      change_seen_(change_seen_in(config)) {}

bool Engine::start(EngineConfig config) {
    // What was applied was committed, even where the record of it was not synced.
    hard_state_.commit = std::max(hard_state_.commit, config.applied);
    // A write torn after its entries: this node has heard of their term, and has not voted in it.
    const std::uint64_t last =
        config.tail.empty() ? config.before_tail.term : config.tail.back().term;
    if (last > hard_state_.term) {
        hard_state_.term = last;
        hard_state_.vote = 0;
    }
    er_config c{};
    c.id = node_.value;
    c.applied = config.applied;
    c.term = hard_state_.term;
    c.vote = hard_state_.vote;
    c.commit = hard_state_.commit;
    std::vector<std::uint64_t> ids;
    ids.reserve(2 * members_max);
    c.members = to_shim({.point = {}, .members = config.members}, ids);
    c.snap = to_shim(config.snapshot, ids);
    c.before_first_index = config.before_first.index;
    c.before_first_term = config.before_first.term;
    c.before_tail_index = config.before_tail.index;
    c.before_tail_term = config.before_tail.term;
    std::vector<er_entry> tail;
    tail.reserve(config.tail.size());
    for (const RaftEntry& entry : config.tail) tail.push_back(to_shim(entry));
    c.tail = tail.data();
    c.n_tail = tail.size();
    c.message_bytes_max = options_.message_bytes_max;
    c.uncommitted_bytes_max = options_.uncommitted_bytes_max;
    c.committed_bytes_max = options_.committed_bytes_max;
    c.election_ticks = options_.election_ticks;
    c.heartbeat_ticks = options_.heartbeat_ticks;
    c.inflight_messages_max = options_.inflight_messages_max;
    c.log_level = static_cast<std::uint32_t>(options_.log_level);
    arrays_->older_heads = std::move(config.older_heads);
    arrays_->log = config.log ? std::move(config.log) : default_log;
    c.callbacks = callbacks_of(*arrays_);
    handle_ = functions_.create(&c);
    return handle_ != 0;
}

Engine::~Engine() {
    if (handle_ != 0) functions_.destroy(handle_);
}

}  // namespace penstock::replication
