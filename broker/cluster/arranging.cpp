// How set 0's word becomes true: its leader arranges nodes and sets; every node gives up what it is
// to hold no longer.
#include "broker/base/log.h"
#include "broker/base/planted.h"
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
    const Link own{true, options_.peer_address, options_.http_address, options_.zone, {}};
    for (model::NodeInfo info : nodes_) {
        const bool self = info.node == options_.node;
        const Link& link = self ? own : links_[info.node];
        const bool joined = self || has(names->second.replicas, info.node);
        if (link.connected && !joined && !info.leaving) invite(node, info);
        // Where it says itself that it is, and the configuration here says so too.
        const std::string address = address_of({info.node, info.peer_address});
        const bool moved = address != info.peer_address && address == link.peer_address;
        const bool told = !link.http_address.empty() && link.http_address != info.http_address;
        if (!link.connected || !(told || moved)) continue;
        if (moved) info.peer_address = address;
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

// As far as is known here: set 0 has members, and this node is none of them.
bool ClusterNode::is_removed() const {
    const auto names = logs_.find(model::names_set);
    if (names == logs_.end()) return false;
    const replication::Members& members = names->second->members();
    return !members.voters.empty() && !members.has(options_.node);
}

void ClusterNode::tell_removed() {
    if (std::exchange(removed_, true)) return;
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
    // Also one that was told in an earlier run.
    if (is_removed()) tell_removed();
    bool unwanted = false;
    std::vector<SetId> sets = data_sets_here();
    if (logs_.contains(model::names_set)) sets.push_back(model::names_set);
    for (const SetId set : sets) {
        if (logs_.at(set)->gone() == replication::Engine::Gone::removed) {
            if (auto outlived = outlive_removal(node, set); !outlived) return outlived;
        }
        if (set == model::names_set) continue;
        const auto placed = placed_.find(set);
        unwanted =
            unwanted || (placed != placed_.end() && !has(placed->second.replicas, options_.node));
    }
    if (!unwanted || now_us < departing_us_ + departing_pause_us) return {};
    departing_us_ = now_us;
    survey(node, [this, &node](const api::ClusterView& view) {
        for (const SetId set : data_sets_here()) {
            if (may_go(set, view, 0)) close_to_depart(node, set);
        }
    });
    return {};
}

// It may have been added again since: what it has then confirmed to its leader must stay here.
Result<void> ClusterNode::outlive_removal(node::Node& node, SetId set) {
    if (auto flushed = node.hosted(set)->row_store().flush(); !flushed) return flushed;
    close_log(node, set);
    return node.resume(set);
}

// From here on it confirms nothing; only what a leader says then is sure to be true still.
void ClusterNode::close_to_depart(node::Node& node, SetId set) {
    const std::uint64_t term = logs_.at(set)->leadership().term;
    close_log(node, set);
    survey(node, [this, &node, set, term](const api::ClusterView& view) {
        const auto done = may_go(set, view, term) ? depart(node, set) : node.resume(set);
        if (!done && !failed_) failed_ = done.error();
    });
}

void ClusterNode::close_log(node::Node& node, SetId set) {
    logs_.erase(set);
    in_sync_.erase(set);
    leaders_seen_.erase(set);
    snapshots_.forget(node, set);
    node.suspend(set);
}

std::vector<SetId> ClusterNode::data_sets_here() const {
    std::vector<SetId> sets;
    for (const auto& [set, log] : logs_) {
        if (set != model::names_set) sets.push_back(set);
    }
    return sets;
}

// By the word of a leader of `term` or a later one.
bool ClusterNode::may_go(SetId set, const api::ClusterView& view, std::uint64_t term) const {
    const auto placed = placed_.find(set);
    if (placed == placed_.end() || has(placed->second.replicas, options_.node)) return false;
    const auto told = std::find_if(
        view.sets.begin(), view.sets.end(), [&](const auto& one) { return one.set == set.value; });
    if (told == view.sets.end() || !told_by_leader(*told) || told->term < term) {
        return planted(K22);
    }
    const auto is_own = [this](const api::ReplicaView& replica) {
        return replica.node == options_.node.value;
    };
    return std::none_of(told->replicas.begin(), told->replicas.end(), is_own);
}

Result<void> ClusterNode::depart(node::Node& node, SetId set) {
    if (auto begun = departures_.begin(set); !begun) return begun;
    node.leave(set);
    names_seen_ = 0;  // it may be wanted here again
    return {};
}

}  // namespace penstock::cluster
