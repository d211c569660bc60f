// Directory: which nodes are connected, and by which connections. It lets a connection stand, or
// refuses it because another process with the same node id is there; it tells the listener of the
// first and the last connection of a node. Owned by the switchboard, on its thread; fails never.
#pragma once

#include "broker/replication/transport/connection.h"

#include <array>
#include <map>
#include <optional>

namespace penstock::replication::transport {

class Directory {
  public:
    explicit Directory(Surroundings& world) : world_(world) {}

    // A connection of the same node, lane and direction that is still there is an old one: it ends.
    std::optional<Refused> admit(Connection& connection);

    // It ended, whether it was admitted or not.
    void leave(const Connection& connection);

    // Our connection to the node; nullptr: none stands.
    [[nodiscard]] Connection* dialed(NodeId node, Lane lane) const;

    // What is known of a node that is connected.
    void describe(PeerStatus& status) const;

    [[nodiscard]] std::vector<NodeId> nodes() const;

  private:
    using Slots = std::array<Connection*, lane_count>;

    struct Node {
        Hello hello;
        Slots dialed{};
        Slots accepted{};

        [[nodiscard]] bool empty() const;
    };

    Connection** slot_of(const Connection& connection);  // nullptr: it holds none
    void leave_unadmitted(const Connection& connection);
    void log_connected(const Hello& hello) const;

    Surroundings& world_;
    std::map<NodeId, Node> nodes_;
};

}  // namespace penstock::replication::transport
