#include "broker/cluster/arranger.h"

#include "broker/base/log.h"
#include "broker/cluster/view.h"

#include <algorithm>
#include <string>
#include <utility>

namespace penstock::cluster {

namespace {

constexpr std::int64_t pause_us = 500'000;  // between two looks at how things are

std::string text(NodeId node) {
    return std::to_string(node.value);
}

std::string text(const std::vector<NodeId>& nodes) {
    std::string all;
    for (const NodeId node : nodes) all += (all.empty() ? "" : ",") + text(node);
    return all;
}

bool has(const std::vector<NodeId>& nodes, NodeId node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// Wanted, and not what they are to be: members that vote, or that do not.
std::set<NodeId> joining_in(const api::SetView& view, const model::SetInfo& wanted) {
    const std::vector<NodeId> voters = wanted_voters(wanted);
    std::set<NodeId> joining(wanted.replicas.begin(), wanted.replicas.end());
    for (const api::ReplicaView& replica : view.replicas) {
        const NodeId node{replica.node};
        if (replica.voter == has(voters, node)) joining.erase(node);
    }
    return joining;
}

// The members are those wanted. Set 0 is wanted on every node: it does not wait for those that are
// away, or one that died while it joined would keep all else from moving.
bool is_settled(const api::SetView& view,
                const model::SetInfo& wanted,
                const std::set<NodeId>& joining,
                const std::set<NodeId>& away) {
    const bool names = wanted.set == model::names_set;
    return std::all_of(view.replicas.begin(),
                       view.replicas.end(),
                       [&](const api::ReplicaView& replica) {
                           return has(wanted.replicas, NodeId{replica.node});
                       }) &&
           std::all_of(joining.begin(), joining.end(), [&](NodeId node) {
               return names && away.contains(node);
           });
}

}  // namespace

PlanFacts plan_facts(const Arranger::Facts& facts, const api::ClusterView& view) {
    PlanFacts out;
    out.nodes = facts.nodes;
    out.balancing = facts.balancing;
    for (const api::ClusterNodeView& node : view.nodes) {
        if (!node.connected) out.away.insert(NodeId{node.node});
    }
    for (const auto& [set, info] : facts.sets) {
        // Nobody can give others what is lost.
        if (info.replicas.empty()) continue;
        out.sets.push_back(info);
        const auto told =
            std::find_if(view.sets.begin(), view.sets.end(), [&](const api::SetView& one) {
                return one.set == set.value;
            });
        if (told == view.sets.end() || !told_by_leader(*told)) {
            out.unknown.insert(set);
            continue;
        }
        std::set<NodeId> joining = joining_in(*told, info);
        if (is_settled(*told, info, joining, out.away)) continue;
        out.moving.insert(set);
        out.joining[set] = std::move(joining);
    }
    return out;
}

void Arranger::submit(node::Node& node, model::Command command) {
    ++making_;
    const auto made = [this](const model::Reply&) {
        --making_;
    };
    node.submit(model::names_set, node::Submission{std::move(command), {}, nullptr, made});
}

void Arranger::make_sets(node::Node& node, const Facts& facts) {
    if (making_ > 0 || facts.nodes.empty()) return;
    std::vector<model::SetInfo> all;
    for (const auto& [set, info] : facts.sets) all.push_back(info);
    for (std::uint16_t number = 1; number <= options_.data_sets; ++number) {
        const SetId set{number};
        if (facts.sets.contains(set)) continue;
        model::SetInfo info;
        info.set = set;
        info.replicas = choose_replicas(facts.nodes, all, set, options_.replicas);
        info.founders = info.replicas;
        // What a server brings that stood alone has no founders: others join it.
        if (node.hosted(set) != nullptr) {
            info.founders.clear();
            info.replicas = {options_.self};
        }
        all.push_back(info);
        submit(node, model::PutSet{std::move(info)});
    }
}

void Arranger::watch(const std::set<NodeId>& away, std::int64_t now_us) {
    std::erase_if(away_since_us_, [&](const auto& one) { return !away.contains(one.first); });
    for (const NodeId node : away) away_since_us_.emplace(node, now_us);
    const std::set<NodeId> gone = lost(now_us);
    std::erase_if(told_lost_, [&](NodeId node) { return !gone.contains(node); });
    for (const NodeId node : gone) {
        if (!told_lost_.insert(node).second) continue;
        ++counters_.lost;
        log_line(LogLevel::warn,
                 "cluster",
                 "event=lost node=" + text(node) +
                     " away_s=" + std::to_string((now_us - away_since_us_.at(node)) / 1'000'000) +
                     " its replicas are made anew on other nodes, where there are any");
    }
}

std::set<NodeId> Arranger::lost(std::int64_t now_us) const {
    std::set<NodeId> gone;
    for (const auto& [node, since_us] : away_since_us_) {
        if (now_us >= since_us + options_.replace_after_us) gone.insert(node);
    }
    return gone;
}

bool Arranger::has_work(const Facts& facts, std::int64_t now_us) const {
    if (facts.balancing || !lost(now_us).empty()) return true;
    for (const model::NodeInfo& node : facts.nodes) {
        if (node.leaving) return true;
    }
    const std::size_t wanted = std::min<std::size_t>(options_.replicas, facts.nodes.size());
    for (const auto& [set, info] : facts.sets) {
        const bool lost = info.replicas.empty();
        if (set != model::names_set && !lost && info.replicas.size() < wanted) return true;
    }
    return false;
}

void Arranger::run(node::Node& node,
                   const Look& look,
                   const std::set<NodeId>& away,
                   const Survey& survey,
                   std::int64_t now_us) {
    watch(away, now_us);
    if (asking_ || making_ > 0 || now_us < next_us_ || !has_work(look(), now_us)) return;
    next_us_ = now_us + pause_us;
    asking_ = true;
    survey([this, &node, look, now_us](const api::ClusterView& view) {
        asking_ = false;
        if (!node.names_set().leading() || making_ > 0) return;
        take(node, look(), view, now_us);
    });
}

void Arranger::take(node::Node& node,
                    const Facts& facts,
                    const api::ClusterView& view,
                    std::int64_t now_us) {
    PlanFacts known = plan_facts(facts, view);
    known.lost = lost(now_us);
    known.replicas = options_.replicas;
    act(node, next_step(known));
}

void Arranger::act(node::Node& node, const Step& step) {
    if (step.place) {
        ++counters_.moves;
        log_line(LogLevel::info,
                 "cluster",
                 "event=place set=" + std::to_string(step.place->set.value) +
                     " replicas=" + text(step.place->replicas) + " why=" + step.why);
        return submit(node, model::PutSet{*step.place});
    }
    if (step.lead) {
        return submit(node, model::PreferLeader{step.lead->set, step.lead->replicas.front()});
    }
    if (step.forget) {
        log_line(LogLevel::info, "cluster", "event=removed node=" + text(*step.forget));
        return submit(node, model::DropNode{*step.forget});
    }
    if (step.balanced) {
        log_line(LogLevel::info, "cluster", "event=balanced");
        submit(node, model::SetBalancing{false});
    }
}

void Arranger::rest() {
    away_since_us_.clear();
    told_lost_.clear();
}

}  // namespace penstock::cluster
