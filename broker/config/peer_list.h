// The other nodes of a cluster as text: "2=10.0.0.2:7072,3=10.0.0.3:7072" in the environment and on
// the command line, a list of tables in TOML. Pure functions, any thread.
#pragma once

#include "broker/config/server_config.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::config {

// Nothing for text of another form; ids and addresses are not judged here.
std::optional<std::vector<ClusterPeer>> parse_peers(std::string_view text);

std::string format_peers(const std::vector<ClusterPeer>& peers);
std::string format_peers_as_toml(const std::vector<ClusterPeer>& peers);

}  // namespace penstock::config
