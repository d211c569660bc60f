#include "tests/replication/simulated_replica.h"

#include "broker/base/hash.h"
#include "broker/replication/peer_frame.h"

#include <algorithm>
#include <utility>

namespace penstock::replication::testing {

namespace {

constexpr int turns_max = 2'000;

std::uint64_t content_hash(std::string_view commands, const auto& bodies) {
    std::uint64_t hash = hash64(commands, 1);
    for (const auto& body : bodies) hash = hash64(body, hash);
    return hash;
}

std::uint64_t number_in(std::string_view commands) {
    return commands.empty() ? 0 : std::stoull(std::string(commands.substr(9)));
}

}  // namespace

void SimulatedReplica::start(RaftOrigin origin, const std::vector<NodeId>& founders) {
    origin_ = origin;
    founders_ = founders;
    storage::LogStoreOptions options;
    options.segment_bytes = 1 << 20;
    options.reserve_segments = 0;
    const LogIndex needed = incoming_ ? storage::nothing_needed : flushed_.applied;
    auto opened =
        storage::LogStore::open(disk_, "log", options, [needed](SetId) { return needed; });
    if (!opened) return world_.referee.violation("cannot open: " + opened.error().detail);
    store_ = std::move(*opened);
    store_->recount_done();
    // Stopped between the log's replacement and the rows': the fetched rows are the truth.
    const LogIndex begins_behind = store_->start(simulated_set).index;
    if (incoming_ && begins_behind == incoming_->index && flushed_.applied < begins_behind) {
        flushed_ = world_.snapshots.at(incoming_->manifest);
    }
    incoming_.reset();
    rows_ = flushed_;
    world_.referee.begins(id_, rows_.applied, rows_.hash);
    durable_ = store_->range(simulated_set).last;
    RaftStart start{rows_.applied, rows_.time_ms, rows_.conf_state, origin, founders, held_};
    auto log = RaftLog::open(
        {world_.library, *store_, *this, world_.random}, simulated_set, id_, start, world_.options);
    if (!log) return world_.referee.violation("cannot start: " + log.error().detail);
    log_ = std::move(*log);
    rows_.applied = log_->committed();
    look_at_promises();
}

// Terms and votes outlive a crash, else a node votes twice in one term.
void SimulatedReplica::look_at_promises() {
    const std::uint64_t term = log_->leadership().term;
    if (term >= told_term_) return;
    world_.referee.violation("node " + std::to_string(id_.value) + " comes back in term " +
                             std::to_string(term) + " and has spoken in term " +
                             std::to_string(told_term_));
}

// What asks before a vote names a term that nobody is in yet.
void SimulatedReplica::promise(const Message& message) {
    const bool asks_before =
        message.type == MessageType::pre_vote || message.type == MessageType::pre_vote_answer;
    if (asks_before) return;
    told_term_ = std::max(told_term_, message.term);
    const bool stands = message.type == MessageType::vote;
    const bool votes = message.type == MessageType::vote_answer && !message.reject;
    if (!stands && !votes) return;
    const NodeId candidate = stands ? id_ : message.to;
    const auto [known, fresh] = votes_.try_emplace(message.term, candidate);
    if (fresh || known->second == candidate) return;
    world_.referee.violation("node " + std::to_string(id_.value) + " votes twice in term " +
                             std::to_string(message.term));
}

void SimulatedReplica::crash() {
    log_.reset();
    store_.reset();
    disk_.heal();
    disk_.crash(world_.random.next());
    for (const auto& [token, hash] : proposals_) world_.referee.forgotten(token);
    for (const std::uint64_t read : reads_) world_.referee.read_ended(read);
    proposals_.clear();
    reads_.clear();
    offer_.reset();
}

bool SimulatedReplica::crashes_here() {
    return world_.crash_permille > 0 && world_.random.below(4'000) < world_.crash_permille;
}

void SimulatedReplica::run() {
    for (int turns = 0; up() && turns < turns_max; ++turns) {
        if (!turn()) return crash();
        if (!log_->busy()) return;
    }
    if (up()) world_.referee.violation("node " + std::to_string(id_.value) + " never rests");
}

bool SimulatedReplica::sync() {
    if (crashes_here()) disk_.fail_syncs_from(1, Errc::io);
    if (!store_->sync()) return false;
    durable_ = store_->range(simulated_set).last;
    return true;
}

// False: the node dies here.
bool SimulatedReplica::turn() {
    before_sync_ = true;
    log_->cycle();
    if (crashes_here()) return false;
    if (!sync()) return false;
    before_sync_ = false;
    if (crashes_here()) return false;
    const auto committed = log_->take_committed();
    if (log_->failed()) {
        world_.referee.violation("failed: " + log_->failed()->detail);
        return false;
    }
    for (const Committed& entry : committed) apply(entry);
    finish_installation();
    take_results();
    if (world_.random.below(8) == 0) flush();
    return !crashes_here();
}

void SimulatedReplica::apply(const Committed& committed) {
    if (committed.index != rows_.applied + 1) {
        world_.referee.violation("an entry is left out before " + std::to_string(committed.index));
    }
    std::uint64_t content = 0;
    std::uint64_t proposed = committed.token;
    if (committed.content) {
        content = content_hash(committed.content->commands, committed.content->bodies);
        proposed = number_in(committed.content->commands);
    } else {
        content = proposals_.at(committed.token);
        proposals_.erase(committed.token);
    }
    if (!committed.conf_state.empty()) rows_.conf_state = committed.conf_state;
    rows_.applied = committed.index;
    rows_.time_ms = committed.time_ms;
    rows_.hash = mix64(rows_.hash ^ mix64(content + committed.term)) +
                 hash64(committed.conf_state, committed.index);
    world_.referee.applied(
        id_, {committed.index, committed.term, committed.time_ms, rows_.hash, proposed});
    if (committed.token != 0) world_.referee.acknowledged(committed.token);
}

void SimulatedReplica::take_results() {
    for (const Ended& ended : log_->take_ended()) {
        if (proposals_.erase(ended.token) > 0) {
            world_.referee.ended(ended.token, ended.appended);
        } else {
            std::erase(reads_, ended.token);
            world_.referee.read_ended(ended.token);
        }
    }
    for (const ConfirmedRead& read : log_->take_reads()) {
        std::erase(reads_, read.token);
        world_.referee.read_confirmed(read.token, read.index, rows_.applied);
    }
    const Leadership leadership = log_->leadership();
    if (leadership.leading) world_.referee.leads(id_, leadership.term);
    for (SnapshotOffer& offer : log_->take_offers()) offer_ = std::move(offer);
}

void SimulatedReplica::finish_installation() {
    auto installation = log_->take_installation();
    if (!installation) return;
    if (installation->taken) {
        rows_ = world_.snapshots.at(installation->snapshot.manifest);
        flushed_ = rows_;
        held_ = {};
        world_.referee.begins(id_, rows_.applied, rows_.hash);
    }
    incoming_.reset();
}

void SimulatedReplica::flush() {
    flushed_ = rows_;
    log_->applied_flushed(rows_.applied);
    if (log_->snapshot_wanted()) make_snapshot();
}

bool SimulatedReplica::make_snapshot() {
    flushed_ = rows_;
    HeldSnapshot snapshot{rows_.applied,
                          rows_.time_ms,
                          log_->conf_state(),
                          "snapshot " + std::to_string(++world_.numbers)};
    if (!log_->set_snapshot(snapshot)) return false;
    world_.snapshots[snapshot.manifest] = rows_;
    held_ = std::move(snapshot);
    return true;
}

void SimulatedReplica::propose(TimeMs time_ms) {
    const std::uint64_t token = ++world_.numbers;
    Proposal proposal{token, time_ms, "proposal " + std::to_string(token), {}};
    const std::uint64_t bodies = world_.random.below(3);
    for (std::uint64_t at = 0; at < bodies; ++at) {
        proposal.bodies.push_back(world_.random.fill(world_.random.below(400)));
    }
    const std::uint64_t hash = content_hash(proposal.commands, proposal.bodies);
    if (!log_->propose(std::move(proposal))) return;
    proposals_[token] = hash;
    world_.referee.proposed(token);
}

void SimulatedReplica::read() {
    const std::uint64_t token = ++world_.numbers;
    reads_.push_back(token);
    world_.referee.read_issued(token);
    log_->read(token);
}

// R1, and section 8 of the order: before the sync only appends leave, and none of them speaks of a
// commit that is not durable here.
void SimulatedReplica::send(NodeId to, SetId, std::string frame) {
    const auto decoded = decode_frame(frame);
    if (!decoded) return world_.referee.violation("a frame is sent that cannot be read");
    if (before_sync_) {
        if (decoded->message.type != MessageType::append) {
            world_.referee.violation("a promise leaves before the sync");
        } else if (decoded->message.commit > durable_) {
            world_.referee.violation("an append speaks of a commit that is not durable");
        }
    }
    promise(decoded->message);
    world_.send(id_, to, std::move(frame));
}

std::optional<SnapshotOffer> SimulatedReplica::take_offer() {
    return std::exchange(offer_, std::nullopt);
}

void SimulatedReplica::fetched(SnapshotOffer offer) {
    incoming_ = offer.snapshot;
    log_->install(std::move(offer));
}

}  // namespace penstock::replication::testing
