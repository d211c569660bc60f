#include "broker/replication/etcd_raft/engine.h"

#include "broker/base/check.h"
#include "broker/base/planted.h"
#include "broker/replication/etcd_raft/engine_arrays.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::replication {

namespace {

// The core's numbers of the kinds of change.
constexpr std::uint32_t add_voter = 0;
constexpr std::uint32_t remove_node = 1;
constexpr std::uint32_t add_learner = 3;

std::uint32_t number_of(MembershipChange::Kind kind) {
    switch (kind) {
        case MembershipChange::Kind::add_learner:
            return add_learner;
        case MembershipChange::Kind::promote:
            return add_voter;
        case MembershipChange::Kind::remove:
            return remove_node;
    }
    return remove_node;
}

std::optional<MembershipChange::Kind> kind_of(std::uint32_t number) {
    if (number == add_learner) return MembershipChange::Kind::add_learner;
    if (number == add_voter) return MembershipChange::Kind::promote;
    if (number == remove_node) return MembershipChange::Kind::remove;
    return std::nullopt;
}

Error not_now(const char* why) {
    return error(Errc::unavailable, why);
}

std::vector<NodeId> nodes_of(std::span<const std::uint64_t> ids) {
    std::vector<NodeId> nodes;
    for (const std::uint64_t id : ids) nodes.emplace_back(id);
    return nodes;
}

}  // namespace

void Engine::stir() {
    stirred_ = true;
    peers_known_ = false;
}

ReadToken Engine::read() {
    const ReadToken token{
        .node = node_.value, .boot = boot_, .number = planted(K35) ? reads_ : ++reads_};
    arrays_->reads_in.push_back({token.node, token.boot, token.number});
    return token;
}

// R3 and the condition of Ongaro's correction of 2015: no change before an entry of the own term.
std::optional<Error> Engine::leader_complaint() const {
    if (gone_ != Gone::no) return error(Errc::closed, "this node has left the set");
    if (!leads()) return not_now("this node does not lead");
    if (applied_.term != term()) return not_now("the new leader has not applied its first entry");
    if (change_seen_ > applied_.index) return not_now("a change of the members is under way");
    er_group_status status{};
    functions_.status(handle_, &status);
    if (status.transferee != 0 || transfer_ != NodeId{})
        return not_now("a transfer of leadership is under way");
    return std::nullopt;
}

Result<std::string> Engine::make_change(const MembershipChange& change) const {
    if (auto complaint = leader_complaint()) return *complaint;
    const auto after = members_proposed(members_, change, node_);
    if (!after) return after.error();
    if (change.kind == MembershipChange::Kind::add_learner && left_in_this_term(change.node))
        return not_now("that node left in this term: it comes back in a later one");
    std::array<char, 64> bytes{};
    const std::uint32_t length = functions_.make_change(
        number_of(change.kind), change.node.value, bytes.data(), bytes.size());
    check(length > 0, "a membership entry is longer than 64 bytes");
    return std::string(bytes.data(), length);
}

bool Engine::left_in_this_term(NodeId node) const {
    return left_term_ == term() && left_.contains(node);
}

std::optional<MembershipChange> Engine::read_change(std::string_view payload) const {
    std::uint32_t number = 0;
    std::uint64_t id = 0;
    const auto length = static_cast<std::uint32_t>(payload.size());
    if (functions_.read_change(payload.data(), length, &number, &id) == 0) return std::nullopt;
    const auto kind = kind_of(number);
    if (!kind) return std::nullopt;
    return MembershipChange{*kind, NodeId{id}};
}

Result<Members> Engine::apply_change(LogIndex index, std::string_view payload) {
    if (gone_ != Gone::no) return error(Errc::closed, "this node has left the set");
    auto& due = arrays_->changes_due;
    check(!due.empty() && due.front() == index, "a membership entry is applied out of turn");
    const auto change = read_change(payload);
    if (!change) return error(Errc::damaged, "a membership entry that is none");
    const auto after = members_after(members_, *change);
    if (!after) return after;
    due.erase(due.begin());
    std::array<std::uint32_t, 2> counts{};
    arrays_->ids_in.resize(members_max);
    stir();
    functions_.apply_conf(handle_,
                          number_of(change->kind),
                          change->node.value,
                          arrays_->ids_in.data(),
                          members_max,
                          counts.data());
    const std::span ids(arrays_->ids_in);
    const Members now{nodes_of(ids.first(counts[0])), nodes_of(ids.subspan(counts[0], counts[1]))};
    check(now == *after, "the core disagrees about the members");
    // R2, R5: as leader or candidate the core would go on without being a member, or panic.
    if (members_.has(node_) && !now.has(node_)) gone_ = Gone::removed;
    if (change->kind == MembershipChange::Kind::remove) {
        if (std::exchange(left_term_, term()) != term()) left_.clear();
        left_.insert(change->node);
    }
    members_ = now;
    changed_at_ = index;
    return now;
}

Result<void> Engine::transfer(NodeId to) {
    if (auto complaint = leader_complaint()) return *complaint;
    if (to == node_) return error(Errc::invalid, "this node leads already");
    if (!members_.is_voter(to)) return error(Errc::invalid, "leadership goes to voters only");
    const auto peer = progress(to);
    // Probed is who was out of reach once: an idle set has nothing that would end that.
    if (!peer || !peer->recently_active || peer->pending_snapshot != 0 ||
        peer->state == PeerState::snapshot || peer->match < commit())
        return not_now("that node is silent or behind");
    transfer_ = to;
    return {};
}

void Engine::snapshot(LogIndex index) {
    if (gone_ != Gone::no || index <= snapshot_.point.index) return;
    check(index >= changed_at_, "a snapshot from before the last change of the members");
    check(index <= handed_out_.index && arrays_->changes_due.empty(),
          "a snapshot of what is not applied");
    stir();
    functions_.snapshot(handle_, index);
    snapshot_ = {.point = {0, index}, .members = members_};
}

void Engine::trim(LogIndex through) {
    if (gone_ != Gone::no) return;
    check(through <= applied_.index, "trimming what is not applied");
    functions_.trim(handle_, through);
}

void Engine::compact(LogIndex first) {
    if (gone_ != Gone::no || first <= first_) return;
    check(first <= snapshot_.point.index + 1, "a gap between snapshot and log");
    check(first <= applied_.index + 1, "compacting what is not applied");
    check(functions_.compact(handle_, first) != 0, "older_heads lost the entry before the log");
    first_ = first;
}

void Engine::report_unreachable(NodeId node) {
    if (gone_ != Gone::no) return;
    stir();
    functions_.report(handle_, node.value, er_peer_unreachable);
}

void Engine::report_snapshot(NodeId node, bool arrived) {
    if (gone_ != Gone::no) return;
    stir();
    functions_.report(handle_, node.value, arrived ? er_snapshot_finished : er_snapshot_failed);
}

std::span<const PeerProgress> Engine::peers() const {
    auto& peers = arrays_->peers;
    if (gone_ != Gone::no || !leads()) return {};
    if (std::exchange(peers_known_, true)) return peers;
    peers.clear();
    auto& from = arrays_->peers_out;
    from.resize(members_.voters.size() + members_.learners.size());
    const std::uint32_t count =
        functions_.progress(handle_, from.data(), static_cast<std::uint32_t>(from.size()));
    for (const er_peer& peer : std::span(from).first(count)) {
        if (peer.id == node_.value) continue;
        peers.push_back({.node = NodeId{peer.id},
                         .match = peer.match,
                         .next = peer.next,
                         .pending_snapshot = peer.pending_snapshot,
                         .state = static_cast<PeerState>(peer.state),
                         .recently_active = peer.recent_active != 0,
                         .learner = peer.learner != 0});
    }
    return peers;
}

std::optional<PeerProgress> Engine::progress(NodeId node) const {
    for (const PeerProgress& peer : peers())
        if (peer.node == node) return peer;
    return std::nullopt;
}

}  // namespace penstock::replication
