// PlantedNode: a ClusterNode with a bug on purpose in the logs it opens, to see that the nemesis
// finds it. Owned by the Member, outlives its node.
#pragma once

#include "broker/cluster/cluster_node.h"

#include <utility>

namespace penstock::cluster::testing {

enum class Plant : std::uint8_t {
    nothing,
    lying_syncs,  // the disk says that it has written: an answer leaves before it is so
    stale_reads,  // whoever believes to lead answers reads without asking the others
};

class PlantedNode final : public ClusterNode {
  public:
    PlantedNode(World world, ClusterOptions options, Plant plant)
        : ClusterNode(std::move(world), std::move(options)), plant_(plant) {}

    Result<std::unique_ptr<replication::Log>> open_log(node::HostedSet& set,
                                                       storage::LogStore& store) override;

  private:
    Plant plant_;
};

}  // namespace penstock::cluster::testing
