// How set 0's word becomes true: its leader arranges nodes and sets; every node gives up what it is
// to hold no longer.
#include "broker/base/log.h"
#include "broker/cluster/cluster_node.h"
#include "broker/cluster/view.h"

#include <algorithm>
#include <utility>

namespace penstock::cluster {

namespace {

constexpr std::int64_t departing_pause_us = 1'000'000;

bool has(const std::vector<NodeId>& nodes, NodeId node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace

Arranger::Facts ClusterNode::facts() const {
    return {nodes_, placed_, balancing_};
}

std::set<NodeId> ClusterNode::away() const {
    std::set<NodeId> away;
    for (const model::NodeInfo& info : nodes_) {
        const auto link = links_.find(info.node);
        const bool here = link != links_.end() && link->second.connected;
        if (info.node != options_.node && !here) away.insert(info.node);
    }
    return away;
}

void ClusterNode::arrange(node::Node& node, std::int64_t now_us) {
    if (node.keys_missing()) node.put_first_key();
    const auto names = placed_.find(model::names_set);
    if (names == placed_.end()) return found_names(node);
    for (model::NodeInfo info : nodes_) {
        const Link& link = links_[info.node];
        const bool joined = has(names->second.replicas, info.node);
        if (link.connected && !joined && !info.leaving) invite(node, info);
        if (!link.connected || link.http_address == info.http_address) continue;
        info.http_address = link.http_address;
        info.zone = link.zone;
        node.submit(model::names_set,
                    node::Submission{model::PutNode{std::move(info)}, {}, nullptr, {}});
    }
    arranger_.make_sets(node, facts());
    const auto ask = [this, &node](std::function<void(const api::ClusterView&)> done) {
        survey(node, std::move(done));
    };
    arranger_.run(
        node, [this] { return facts(); }, away(), ask, now_us);
}

void ClusterNode::found_names(node::Node& node) {
    const auto put = [&](model::Command command) {
        node.submit(model::names_set, node::Submission{std::move(command), {}, nullptr, {}});
    };
    model::SetInfo first;
    first.set = model::names_set;
    for (const Founder& founder : founders()) {
        const NodeId id{founder.node};
        const bool self = id == options_.node;
        model::NodeInfo info;
        info.node = id;
        info.peer_address = self ? options_.peer_address : founder.peer_address;
        info.http_address = self ? options_.http_address : links_[id].http_address;
        info.zone = self ? options_.zone : links_[id].zone;
        put(model::PutNode{std::move(info)});
        first.founders.push_back(id);
        first.replicas.push_back(id);
    }
    put(model::PutSet{std::move(first)});
}

std::vector<Founder> ClusterNode::founders() const {
    if (identity_ && !identity_->founders.empty()) return identity_->founders;
    return {{options_.node.value, options_.peer_address}};
}

void ClusterNode::tell_if_removed() {
    const auto names = logs_.find(model::names_set);
    const bool gone =
        names != logs_.end() && names->second->gone() == replication::Engine::Gone::removed;
    if (!gone || std::exchange(removed_, true)) return;
    log_line(
        LogLevel::warn,
        "cluster",
        "event=removed_here this node was removed from the cluster and holds nothing of it any "
        "more: stop it; to use the machine again give it an empty folder and a new id");
}

// A replica that set 0 wants here no longer goes once the set's leader says that it is no member
// any more: until then its disk counts.
Result<void> ClusterNode::tend_departures(node::Node& node, std::int64_t now_us) {
    if (departures_.busy()) {
        auto stepped = departures_.step(node.store());
        if (!stepped) return stepped.error();
    }
    if (now_us < departing_us_ + departing_pause_us) return {};
    const bool unwanted = std::any_of(logs_.begin(), logs_.end(), [this](const auto& one) {
        const auto placed = placed_.find(one.first);
        return one.first != model::names_set && placed != placed_.end() &&
               !has(placed->second.replicas, options_.node);
    });
    if (!unwanted) return {};
    departing_us_ = now_us;
    survey(node, [this, &node](const api::ClusterView& view) {
        if (auto departed = depart(node, view); !departed) failure_ = departed.error();
    });
    return {};
}

Result<void> ClusterNode::depart(node::Node& node, const api::ClusterView& view) {
    for (const api::SetView& told : view.sets) {
        const SetId set{static_cast<std::uint16_t>(told.set)};
        const auto placed = placed_.find(set);
        const bool hosted = set != model::names_set && logs_.contains(set);
        if (!hosted || placed == placed_.end()) continue;
        const bool wanted = has(placed->second.replicas, options_.node);
        const bool member =
            std::any_of(told.replicas.begin(), told.replicas.end(), [this](const auto& replica) {
                return replica.node == options_.node.value;
            });
        if (wanted || member || !told_by_leader(told) || told.leader == options_.node.value) {
            continue;
        }
        if (auto begun = departures_.begin(set); !begun) return begun;
        logs_.erase(set);
        in_sync_.erase(set);
        leaders_seen_.erase(set);
        snapshots_.forget(node, set);
        node.leave(set);
    }
    return {};
}

}  // namespace penstock::cluster
