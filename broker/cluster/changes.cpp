// What an operator changes about a cluster: further nodes, nodes that leave, who leads, where sets
// are. Each change is an entry of set 0; its leader and the sets' leaders carry it out.
#include "broker/base/log.h"
#include "broker/cluster/cluster_node.h"

#include <algorithm>
#include <utility>

namespace penstock::cluster {

namespace {

using What = api::ChangeCluster::What;

constexpr std::size_t nodes_left_min = 2;

node::Refused refused(const char* parameter, std::string why) {
    return model::Refusal{model::Reason::invalid_parameter, parameter, std::move(why)};
}

std::string text(NodeId node) {
    return std::to_string(node.value);
}

const model::NodeInfo* find(const std::vector<model::NodeInfo>& nodes, NodeId node) {
    const auto found = std::find_if(
        nodes.begin(), nodes.end(), [&](const model::NodeInfo& info) { return info.node == node; });
    return found == nodes.end() ? nullptr : &*found;
}

}  // namespace

// Why the change cannot be asked for, as far as it is known here.
node::Refused ClusterNode::complaint(const api::ChangeCluster& change) const {
    if (!identity_) {
        return refused("cluster", "there is no cluster yet: run `penstock cluster init` first");
    }
    if (nodes_.empty() && change.what != What::add) {
        return model::Refusal{model::Reason::unavailable,
                              "cluster",
                              "it has been founded just now: try again in a moment"};
    }
    const NodeId id{change.node};
    const model::NodeInfo* known = find(nodes_, id);
    const bool adds = change.what == What::add || change.what == What::replace;
    const NodeId fresh{change.what == What::replace ? change.by : change.node};
    if (const model::NodeInfo* other = adds ? find(nodes_, fresh) : nullptr;
        other != nullptr && other->peer_address != change.peer_address) {
        return refused(change.what == What::replace ? "by" : "node",
                       "node " + text(fresh) + " is a member already, at " + other->peer_address +
                           ": ids are never given twice");
    }
    switch (change.what) {
        case What::add:
        case What::balance:
        case What::stop_balancing:
            return {};
        case What::transfer: {
            const auto set = placed_.find(SetId{static_cast<std::uint16_t>(change.set)});
            if (set == placed_.end() || change.set != set->first.value) {
                return refused("set", "there is no set " + std::to_string(change.set));
            }
            const auto voters = wanted_voters(set->second);
            if (std::find(voters.begin(), voters.end(), id) != voters.end()) return {};
            return refused("node", "node " + text(id) + " holds no replica of that set that votes");
        }
        case What::remove:
        case What::replace:
            break;
    }
    if (known == nullptr) return refused("node", "there is no node " + text(id));
    if (change.what == What::replace && fresh == id) {
        return refused("by", "a node is replaced by one with another id");
    }
    std::size_t left = change.what == What::replace ? 1 : 0;
    for (const model::NodeInfo& node : nodes_) left += node.leaving || node.node == id ? 0 : 1;
    if (left >= nodes_left_min) return {};
    return refused("node",
                   "a cluster keeps at least two nodes: add another one first; when the others are "
                   "lost for ever, `penstock cluster recover` makes one node a cluster of its own");
}

void ClusterNode::change(node::Node& node,
                         const api::ChangeCluster& change,
                         std::function<void(node::Refused)> done) {
    if (auto refusal = complaint(change)) return done(std::move(refusal));
    const auto put = [&node](model::Command command, std::function<void(node::Refused)> then) {
        auto replied = [then = std::move(then)](const model::Reply& reply) {
            const auto* refusal = std::get_if<model::Refusal>(&reply);
            then(refusal == nullptr ? node::Refused() : node::Refused(*refusal));
        };
        node.submit(model::names_set,
                    node::Submission{std::move(command), {}, nullptr, std::move(replied)});
    };
    const NodeId id{change.node};
    model::NodeInfo fresh;
    fresh.node = change.what == What::replace ? NodeId{change.by} : id;
    fresh.peer_address = change.peer_address;
    const model::NodeInfo* known = find(nodes_, fresh.node);
    switch (change.what) {
        case What::add:
            // Taken in again before it had left: it stays.
            if (known != nullptr && known->leaving) {
                return put(model::MarkLeaving{id, false}, std::move(done));
            }
            if (known != nullptr) return done({});
            return put(model::PutNode{std::move(fresh)}, std::move(done));
        case What::remove:
            return put(model::MarkLeaving{id, true}, std::move(done));
        case What::replace: {
            auto leave = [put, id, done](node::Refused refusal) {
                if (refusal) return done(std::move(refusal));
                put(model::MarkLeaving{id, true}, done);
            };
            if (known != nullptr) return leave({});
            return put(model::PutNode{std::move(fresh)}, std::move(leave));
        }
        case What::transfer:
            return put(model::PreferLeader{SetId{static_cast<std::uint16_t>(change.set)}, id},
                       std::move(done));
        case What::balance:
        case What::stop_balancing:
            return put(model::SetBalancing{change.what == What::balance}, std::move(done));
    }
}

}  // namespace penstock::cluster
