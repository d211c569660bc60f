#include "broker/cluster/levels.h"

#include "broker/base/log.h"
#include "broker/model/format.h"

#include <algorithm>
#include <string>
#include <utility>

namespace penstock::cluster {

replication::transport::FormatRange Levels::hello_at(std::uint16_t level) {
    const model::FormatLevels own = model::known_formats();
    return {std::max(own.least, level), own.most};
}

bool Levels::all_can(const std::vector<model::NodeInfo>& nodes,
                     const std::function<bool(NodeId)>& linked,
                     std::uint16_t level) const {
    if (nodes.empty() || level > model::known_formats().most) return false;
    return std::all_of(nodes.begin(), nodes.end(), [&](const model::NodeInfo& info) {
        if (info.node == self_) return true;
        const auto known = known_.find(info.node);
        // Who is away may come back as the build that it was.
        return linked(info.node) && known != known_.end() && known->second >= level;
    });
}

void Levels::tend(node::Node& node,
                  const std::vector<model::NodeInfo>& nodes,
                  const std::function<bool(NodeId)>& linked,
                  replication::transport::Peers& peers) {
    const std::uint16_t level = node.names_set().format();
    const auto next = static_cast<std::uint16_t>(level + 1);
    if (node.names_set().leading() && all_can(nodes, linked, next)) {
        node.names_set().raise_format(next);
    }
    for (node::DataDesk* desk : node.desks()) {
        node::HostedSet& set = desk->set();
        if (set.leading() && set.format() < level) set.raise_format(level);
    }
    if (std::exchange(told_, level) == level) return;
    peers.set_formats(hello_at(level));
    log_line(LogLevel::info, "cluster", "event=format_level level=" + std::to_string(level));
}

}  // namespace penstock::cluster
