#include "broker/replication/transport/switchboard.h"

#include "broker/base/log.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <utility>

namespace penstock::replication::transport {

namespace {

// Nothing ticked for this long: the process stood still, not its peers.
constexpr std::int64_t standstill_us = 1'000'000;

}  // namespace

void Switchboard::send(NodeId to, Lane lane, std::string frame) {
    Connection* connection = directory_.dialed(to, lane);
    if (connection != nullptr && connection->send(std::move(frame))) return;
    ++world_.statistics.frames_dropped;
    unreachable(to);
}

void Switchboard::ask(
    NodeId to, Lane lane, std::string question, std::int64_t deadline_us, TakeAnswer take) {
    if (Connection* connection = directory_.dialed(to, lane))
        return connection->ask(std::move(question), deadline_us, std::move(take));
    ++world_.statistics.questions_failed;
    const std::string node = "node " + std::to_string(to.value);
    take(AskFailure{error(Errc::unavailable, node + " is not connected"), false});
}

void Switchboard::unreachable(NodeId node) {
    if (told_unreachable_.insert(node).second) world_.listener.on_unreachable(node);
}

Switchboard::Member Switchboard::hire(const PeerAddress& peer) {
    Member member{peer, {}};
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
        auto serve_it = [this](std::shared_ptr<Connection> connection) {
            return serve(std::move(connection));
        };
        member.dialers[lane] = std::make_shared<Dialer>(
            world_, *this, std::move(serve_it), peer, static_cast<Lane>(lane));
    }
    return member;
}

void Switchboard::retire(Member& member) {
    for (const auto& dialer : member.dialers) dialer->retire();
}

void Switchboard::set_peers(std::vector<PeerAddress> peers) {
    if (stopping_) return;
    std::map<NodeId, PeerAddress> wanted;
    for (auto& peer : peers) {
        const NodeId node = peer.node;
        if (node != world_.options.hello.node && node.value != 0) wanted[node] = std::move(peer);
    }
    for (auto at = members_.begin(); at != members_.end();) {
        const auto found = wanted.find(at->first);
        if (found != wanted.end() && found->second == at->second.peer) {
            ++at;
            continue;
        }
        retire(at->second);
        at = members_.erase(at);
    }
    for (const auto& [node, peer] : wanted) {
        if (members_.count(node) == 0) members_.emplace(node, hire(peer));
    }
}

std::optional<Refused> Switchboard::admit(Connection& connection) {
    auto refused = directory_.admit(connection);
    if (refused || !connection.dialed()) return refused;
    const auto member = members_.find(connection.aim()->node);
    if (member != members_.end())
        member->second.dialers[static_cast<std::size_t>(connection.lane())]->stood();
    return std::nullopt;
}

asio::awaitable<void> Switchboard::serve(std::shared_ptr<Connection> connection) {
    connections_.push_back(connection);
    if (stopping_) connection->cut(LinkEnd::closed);
    co_await connection->run();
    leave(*connection);
}

void Switchboard::leave(const Connection& connection) {
    const auto found = std::find_if(connections_.begin(),
                                    connections_.end(),
                                    [&](const auto& each) { return each.get() == &connection; });
    if (found != connections_.end()) connections_.erase(found);
    directory_.leave(connection);
}

void Switchboard::welcome(Socket socket) {
    if (stopping_) return;
    auto connection =
        std::make_shared<Connection>(world_, *this, std::move(socket), std::optional<Aim>());
    asio::co_spawn(
        *world_.context, serve(connection), [this, connection](std::exception_ptr failed) {
            try {
                if (failed) std::rethrow_exception(failed);
            } catch (const std::exception& reason) {
                world_.complaints.failed(reason.what());
                connection->cut(LinkEnd::reset);
                leave(*connection);
            }
        });
    limit_handshakes();
}

void Switchboard::limit_handshakes() {
    const auto waits = [](const std::shared_ptr<Connection>& connection) {
        return connection->handshaking() && !connection->dialed();
    };
    const auto waiting = std::count_if(connections_.begin(), connections_.end(), waits);
    if (static_cast<std::size_t>(waiting) <= world_.limits().handshakes_max) return;
    const auto oldest = std::find_if(connections_.begin(), connections_.end(), waits);
    (*oldest)->cut({Refusal::too_many_connections, "too many handshakes are under way"});
}

void Switchboard::tick(std::int64_t now_us) {
    const bool stood_still = ticked_us_ != 0 && now_us - ticked_us_ > standstill_us;
    ticked_us_ = now_us;
    told_unreachable_.clear();
    // By index: what a callback begins is added at the end.
    for (std::size_t at = 0; at < connections_.size(); ++at) {
        if (stood_still) connections_[at]->excuse(now_us);
        connections_[at]->tick(now_us);
    }
    for (auto& [node, member] : members_) {
        for (const auto& dialer : member.dialers) dialer->tick(now_us);
    }
    const std::uint64_t dropped = world_.posts_dropped.load();
    if (dropped == posts_dropped_) return;
    posts_dropped_ = dropped;
    for (const auto& [node, member] : members_) unreachable(node);
}

void Switchboard::stop() {
    stopping_ = true;
    for (auto& [node, member] : members_) retire(member);
    for (std::size_t at = 0; at < connections_.size(); ++at) connections_[at]->leave();
}

PeerStatus Switchboard::status(NodeId node) const {
    PeerStatus status;
    status.node = node;
    const auto found = members_.find(node);
    if (found != members_.end()) {
        status.address = found->second.peer.address;
        for (std::size_t lane = 0; lane < lane_count; ++lane) {
            const Dialer& dialer = *found->second.dialers[lane];
            status.lanes[lane].reconnects = dialer.reconnects();
            if (status.problem.empty()) status.problem = dialer.problem();
        }
    }
    directory_.describe(status);
    return status;
}

PeersState Switchboard::state() const {
    PeersState state;
    std::set<NodeId> nodes;
    for (const auto& [node, member] : members_) nodes.insert(node);
    for (const NodeId node : directory_.nodes()) nodes.insert(node);
    for (const NodeId node : nodes) state.peers.push_back(status(node));
    state.statistics = world_.statistics;
    state.statistics.frames_dropped += world_.posts_dropped.load();
    state.statistics.connections = static_cast<std::uint64_t>(
        std::count_if(connections_.begin(), connections_.end(), [](const auto& each) {
            return each->standing();
        }));
    return state;
}

}  // namespace penstock::replication::transport
