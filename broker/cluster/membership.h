// Membership: brings each set that this node leads to the replicas that set 0 wants for it, one
// change at a time, and its leadership to the node that should have it; and, where this node leads
// set 0, decides what sets there are. Step functions, broker thread only.
#pragma once

#include "broker/model/cluster.h"
#include "broker/node/node.h"
#include "broker/replication/raft_log.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace penstock::cluster {

using model::NodeId;
using model::SetId;

// The replicas of data set `set` among the nodes: as many zones as there are, each node with about
// as many sets as the others; the first one should lead. Deterministic.
std::vector<NodeId> choose_replicas(const std::vector<model::NodeInfo>& nodes,
                                    const std::vector<model::SetInfo>& sets,
                                    SetId set,
                                    std::uint32_t wanted);

// The next change that brings `members` towards `wanted`; nothing: there is none to make now.
std::optional<replication::MembershipChange> next_change(const replication::RaftLog& log,
                                                         const std::vector<NodeId>& wanted);

class Membership {
  public:
    Membership(NodeId self, std::uint16_t data_sets, std::uint32_t replicas)
        : self_(self), data_sets_(data_sets), replicas_(replicas) {}

    // Where this node leads set 0 of a cluster: makes the data sets a new one begins with.
    void make_sets(node::Node& node,
                   const std::vector<model::NodeInfo>& nodes,
                   const std::map<SetId, model::SetInfo>& sets);

    // Gives sets with too few replicas a further one, one at a time.
    void fill_sets(node::Node& node,
                   const std::vector<model::NodeInfo>& nodes,
                   const std::map<SetId, model::SetInfo>& sets);

    // Now and then, for a set that this node leads.
    void tend(replication::RaftLog& log, const model::SetInfo& wanted, std::int64_t now_us);

  private:
    void hand_over(replication::RaftLog& log, NodeId to, std::int64_t now_us);

    NodeId self_;
    std::uint16_t data_sets_;
    std::uint32_t replicas_;
    bool making_ = false;
    std::map<SetId, std::int64_t> led_since_us_;
};

}  // namespace penstock::cluster
