// Levels: the format level of a cluster (broker/model/format.h). Set 0's leader raises it, by an
// entry, once every node of the cluster is connected and can read the next one; every other set
// follows set 0. The links are told, so that a node which cannot read it is refused at its hello.
// Owned by the ClusterNode, broker thread only.
#pragma once

#include "broker/model/cluster.h"
#include "broker/node/node.h"
#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace penstock::cluster {

using model::NodeId;

class Levels {
  public:
    explicit Levels(NodeId self) : self_(self) {}

    // What a node that has connected can read.
    void heard(NodeId node, replication::transport::FormatRange formats) {
        known_[node] = formats.most;
    }

    // What this node's hello says while set 0 is at `level`; 0: it has no entry yet.
    static replication::transport::FormatRange hello_at(std::uint16_t level);

    // Now and then.
    void tend(node::Node& node,
              const std::vector<model::NodeInfo>& nodes,
              const std::function<bool(NodeId)>& linked,
              replication::transport::Peers& peers);

  private:
    [[nodiscard]] bool all_can(const std::vector<model::NodeInfo>& nodes,
                               const std::function<bool(NodeId)>& linked,
                               std::uint16_t level) const;

    NodeId self_;
    std::map<NodeId, std::uint16_t> known_;
    std::uint16_t told_ = 0;
};

}  // namespace penstock::cluster
