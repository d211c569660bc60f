#include "broker/replication/transport/directory.h"

#include "broker/base/log.h"

#include <algorithm>

namespace penstock::replication::transport {

namespace {

std::string_view end_name(LinkEnd how) {
    static constexpr std::array<std::string_view, 4> names{
        "refused", "reset", "closed", "timed_out"};
    return names[static_cast<std::size_t>(how)];
}

std::size_t place(Lane lane) {
    return static_cast<std::size_t>(lane);
}

}  // namespace

bool Directory::Node::empty() const {
    const auto free = [](const Connection* connection) {
        return connection == nullptr;
    };
    return std::all_of(dialed.begin(), dialed.end(), free) &&
           std::all_of(accepted.begin(), accepted.end(), free);
}

std::optional<Refused> Directory::admit(Connection& connection) {
    const Hello& hello = connection.hello();
    const auto found = nodes_.find(hello.node);
    const bool known = found != nodes_.end();
    if (known && found->second.hello.process != hello.process)
        return Refused{Refusal::duplicate_id,
                       "node " + std::to_string(hello.node.value) + " is connected already, from " +
                           found->second.hello.peer_address + "; this one says it is at " +
                           hello.peer_address};
    if (!known && nodes_.size() >= world_.limits().nodes_max)
        return Refused{Refusal::too_many_connections, "too many nodes are connected"};
    Node& node = nodes_[hello.node];
    node.hello = hello;
    auto& slots = connection.dialed() ? node.dialed : node.accepted;
    Connection*& slot = slots[place(connection.lane())];
    if (slot != nullptr) slot->cut(LinkEnd::closed);
    slot = &connection;
    if (!known) {
        log_connected(hello);
        world_.listener.on_connected(hello.node, hello);
    }
    return std::nullopt;
}

void Directory::log_connected(const Hello& hello) const {
    log_line(LogLevel::info,
             "replication/transport",
             "event=peer_connected node=" + std::to_string(hello.node.value) + " address=" +
                 hello.peer_address + " zone=" + hello.zone + " build=" + hello.build);
}

Connection** Directory::slot_of(const Connection& connection) {
    const auto found = nodes_.find(connection.hello().node);
    if (found == nodes_.end()) return nullptr;
    auto& slots = connection.dialed() ? found->second.dialed : found->second.accepted;
    Connection*& slot = slots[place(connection.lane())];
    return slot == &connection ? &slot : nullptr;
}

void Directory::leave(const Connection& connection) {
    Connection** slot = slot_of(connection);
    if (slot == nullptr) return leave_unadmitted(connection);
    *slot = nullptr;
    const NodeId name = connection.hello().node;
    const auto found = nodes_.find(name);
    if (!found->second.empty()) return;
    nodes_.erase(found);
    log_line(LogLevel::info,
             "replication/transport",
             "event=peer_disconnected node=" + std::to_string(name.value) + " how=" +
                 std::string(end_name(connection.ended())) + " detail=" + connection.problem());
    world_.listener.on_disconnected(name, connection.ended());
}

void Directory::leave_unadmitted(const Connection& connection) {
    if (!connection.dialed() || connection.ended() != LinkEnd::refused) return;
    const NodeId aimed_at = connection.aim()->node;
    if (nodes_.count(aimed_at) == 0) world_.listener.on_disconnected(aimed_at, LinkEnd::refused);
}

Connection* Directory::dialed(NodeId node, Lane lane) const {
    const auto found = nodes_.find(node);
    if (found == nodes_.end()) return nullptr;
    Connection* connection = found->second.dialed[place(lane)];
    return connection != nullptr && connection->standing() ? connection : nullptr;
}

void Directory::describe(PeerStatus& status) const {
    const auto found = nodes_.find(status.node);
    if (found == nodes_.end()) return;
    const Node& node = found->second;
    status.hello = node.hello;
    std::int64_t told_us = 0;
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
        for (const Connection* one : {node.dialed[lane], node.accepted[lane]}) {
            if (one == nullptr || one->clock_told_us() < told_us) continue;
            told_us = one->clock_told_us();
            status.clock_difference_ms = one->clock_difference_ms();
        }
        const Connection* dialed = node.dialed[lane];
        status.lanes[lane].accepted =
            node.accepted[lane] != nullptr && node.accepted[lane]->standing();
        if (dialed == nullptr || !dialed->standing()) continue;
        status.lanes[lane].dialed = true;
        status.lanes[lane].queued_bytes = dialed->queued_bytes();
    }
}

std::vector<NodeId> Directory::nodes() const {
    std::vector<NodeId> names;
    for (const auto& [name, node] : nodes_) names.push_back(name);
    return names;
}

}  // namespace penstock::replication::transport
