#include "broker/replication/raft_log.h"

#include "broker/base/check.h"
#include "broker/replication/raft_parts.h"

#include <algorithm>
#include <utility>

namespace penstock::replication {

RaftLog::RaftLog(Private, std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

RaftLog::~RaftLog() = default;

SetId RaftLog::set() const {
    return parts_->set;
}

bool RaftLog::propose(Proposal proposal) {
    check(proposal.token != 0 && !proposal.commands.empty(), "an entry has a token and commands");
    Parts& p = *parts_;
    if (!p.engine || p.failure || p.role != Role::leader) return false;
    return p.proposals.add(std::move(proposal));
}

void RaftLog::read(std::uint64_t token) {
    Parts& p = *parts_;
    if (p.engine && !p.failure && p.role == Role::leader) {
        p.reads.add(token);
    } else {
        p.ended.push_back({token, false});
    }
}

std::vector<Ended> RaftLog::take_ended() {
    return std::exchange(parts_->ended, {});
}

std::vector<ConfirmedRead> RaftLog::take_reads() {
    return parts_->reads.take();
}

bool RaftLog::busy() const {
    const Parts& p = *parts_;
    if (!p.engine || p.failure) return false;
    return p.progressed || !p.inbox.empty() || p.proposals.waiting() || p.reads.waiting() ||
           p.change || p.transfers || p.snapshots.to_install() || p.lost_leader != NodeId{} ||
           p.catch_up.waiting() || p.may_stand() || p.engine->commit() > p.handed_out;
}

Leadership RaftLog::leadership() const {
    const Parts& p = *parts_;
    if (!p.engine) return {false, {}, p.handed_out_term};
    const bool leading = p.role == Role::leader && p.handed_out_term == p.engine->term();
    return {leading, p.engine->leader(), p.engine->term()};
}

LogIndex RaftLog::committed() const {
    return parts_->handed_out;
}

LogIndex RaftLog::droppable_to(LogIndex flushed) const {
    return std::min(flushed, first() - 1);
}

Result<void> RaftLog::replay(LogIndex applied, const Visit&) const {
    const storage::LogStore::Range range = parts_->store.range(parts_->set);
    applied = std::max(applied, std::min(range.last, imagined_index));
    if (applied <= range.last && applied + 1 >= range.first) return {};
    return error(Errc::damaged,
                 "the log of set " + std::to_string(parts_->set.value) + " holds the entries " +
                     std::to_string(range.first) + " to " + std::to_string(range.last) +
                     ", the rows are at " + std::to_string(applied));
}

void RaftLog::tick() {
    Parts& p = *parts_;
    if (!p.engine) return;
    for (const NodeId peer : p.snapshots.tick()) p.engine->report_snapshot(peer, false);
    if (p.role == Role::leader) {
        ++p.ticks;
        p.news_due = true;
        p.catch_up.tick();
    } else {
        ++p.quiesced_ticks;
        p.elections.tick();
    }
}

void RaftLog::unreachable(NodeId peer) {
    parts_->catch_up.forget(peer);
    parts_->silent.insert(peer);
    if (parts_->engine) parts_->engine->report_unreachable(peer);
}

void RaftLog::peer_lost(NodeId peer) {
    Parts& p = *parts_;
    if (!p.engine) return;
    if (p.role == Role::leader) return unreachable(peer);
    p.lost_leader = peer;
    if (p.inbox.empty() && p.output == nullptr) p.stand_in_turn();
}

NodeId RaftLog::self() const {
    return parts_->self;
}

const Members& RaftLog::members() const {
    return parts_->members;
}

std::string RaftLog::conf_state() const {
    return parts_->conf_state;
}

// A voter without the log would hold up every commit. Who has all of it is sent nothing in a set at
// rest, so that after a restart its state stays `probe` until the next entry.
bool RaftLog::Parts::caught_up(NodeId node) const {
    const auto peer = engine->progress(node);
    if (!peer || !peer->recently_active || silent.contains(node)) return false;
    if (peer->match >= engine->commit()) return true;
    return peer->state == PeerState::replicate &&
           peer->match + options.promoted_behind_max >= engine->commit();
}

Result<void> RaftLog::change(const MembershipChange& change) {
    Parts& p = *parts_;
    if (!p.engine) return error(Errc::closed, "this node has left the set");
    if (p.change) return error(Errc::unavailable, "a change of the members is under way");
    if (change.kind == MembershipChange::Kind::promote && p.members.is_learner(change.node) &&
        !p.caught_up(change.node)) {
        return error(Errc::unavailable, "that node is silent or behind");
    }
    auto payload = p.engine->make_change(change);
    if (!payload) return payload.error();
    p.change = std::make_shared<const Payload>(std::move(*payload));
    return {};
}

bool RaftLog::left_in_this_term(NodeId node) const {
    return parts_->engine && parts_->engine->left_in_this_term(node);
}

Result<void> RaftLog::transfer(NodeId to) {
    Parts& p = *parts_;
    if (!p.engine) return error(Errc::closed, "this node has left the set");
    if (p.change) return error(Errc::unavailable, "a change of the members is under way");
    if (auto staged = p.engine->transfer(to); !staged) return staged.error();
    p.transfers = true;
    return {};
}

std::optional<NodeId> RaftLog::successor() const {
    if (!parts_->engine) return std::nullopt;
    std::optional<PeerProgress> best;
    for (const PeerProgress& peer : parts_->engine->peers()) {
        const bool able = !peer.learner && peer.recently_active &&
                          peer.state != PeerState::snapshot &&
                          peer.match >= parts_->engine->commit();
        if (able && (!best || peer.match > best->match)) best = peer;
    }
    if (!best) return std::nullopt;
    return best->node;
}

std::optional<PeerProgress> RaftLog::progress(NodeId node) const {
    if (!parts_->engine) return std::nullopt;
    return parts_->engine->progress(node);
}

LogIndex RaftLog::matched_by(const std::vector<NodeId>& nodes) const {
    const Parts& p = *parts_;
    if (!p.engine || p.role != Role::leader) return 0;
    LogIndex lowest = p.handed_out;
    const auto peers = p.engine->peers();
    for (const NodeId node : nodes) {
        if (node == p.self) continue;
        const auto found = std::find_if(peers.begin(), peers.end(), [&](const PeerProgress& peer) {
            return peer.node == node;
        });
        if (found == peers.end()) return 0;
        lowest = std::min(lowest, found->match);
    }
    return lowest;
}

Engine::Gone RaftLog::gone() const {
    return parts_->gone;
}

const std::optional<Error>& RaftLog::failed() const {
    return parts_->failure;
}

const RaftCounters& RaftLog::counters() const {
    return parts_->counters;
}

}  // namespace penstock::replication
