// What is wrong with the [cluster] part of a configuration as a whole: keys that go together,
// addresses, ids. Pure, any thread.
#pragma once

#include "broker/config/server_config.h"

#include <string>
#include <vector>

namespace penstock::config {

// One complaint a mistake, as in "cluster.node_id must be …".
std::vector<std::string> check_cluster(const ClusterConfig& cluster);

}  // namespace penstock::config
