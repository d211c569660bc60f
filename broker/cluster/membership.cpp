#include "broker/cluster/membership.h"

#include "broker/base/log.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace penstock::cluster {

namespace {

// A node that has just come to lead keeps leading for a while: set-ups that flap help nobody.
constexpr std::int64_t lead_at_least_us = 5'000'000;
constexpr model::LogIndex close_enough = 100;  // entries a learner may lack when it is promoted

struct Load {
    std::size_t led = 0;
    std::size_t held = 0;
};

std::map<NodeId, Load> loads(const std::vector<model::SetInfo>& sets) {
    std::map<NodeId, Load> load;
    for (const model::SetInfo& set : sets) {
        if (set.set == model::names_set || set.replicas.empty()) continue;
        ++load[set.replicas.front()].led;
        for (const NodeId node : set.replicas) ++load[node].held;
    }
    return load;
}

void log_change(const replication::RaftLog& log, const replication::MembershipChange& change) {
    using Kind = replication::MembershipChange::Kind;
    const char* what = change.kind == Kind::add_learner ? "add_learner"
                       : change.kind == Kind::promote   ? "promote"
                                                        : "remove";
    log_line(LogLevel::info,
             "cluster",
             "event=membership set=" + std::to_string(log.set().value) + " change=" + what +
                 " node=" + std::to_string(change.node.value));
}

}  // namespace

std::vector<NodeId> choose_replicas(const std::vector<model::NodeInfo>& nodes,
                                    const std::vector<model::SetInfo>& sets,
                                    SetId set,
                                    std::uint32_t wanted) {
    std::map<NodeId, Load> load = loads(sets);
    std::vector<model::NodeInfo> left;
    for (const model::NodeInfo& node : nodes) {
        if (!node.leaving) left.push_back(node);
    }
    std::vector<NodeId> chosen;
    std::set<std::string> zones;
    while (!left.empty() && chosen.size() < wanted) {
        const auto better = [&](const model::NodeInfo& one, const model::NodeInfo& other) {
            const bool one_new = one.zone.empty() || !zones.contains(one.zone);
            const bool other_new = other.zone.empty() || !zones.contains(other.zone);
            if (one_new != other_new) return one_new;
            const Load& a = load[one.node];
            const Load& b = load[other.node];
            // The first one leads.
            if (chosen.empty() && a.led != b.led) return a.led < b.led;
            if (a.held != b.held) return a.held < b.held;
            // Equals take turns, set by set.
            const auto turn = [&](NodeId node) {
                return (node.value + set.value) % nodes.size();
            };
            return std::pair(turn(one.node), one.node) < std::pair(turn(other.node), other.node);
        };
        const auto best = std::min_element(left.begin(), left.end(), better);
        chosen.push_back(best->node);
        zones.insert(best->zone);
        left.erase(best);
    }
    return chosen;
}

std::optional<replication::MembershipChange> next_change(const replication::RaftLog& log,
                                                         const std::vector<NodeId>& wanted) {
    using Kind = replication::MembershipChange::Kind;
    const replication::Members& members = log.members();
    const auto is_wanted = [&](NodeId node) {
        return std::find(wanted.begin(), wanted.end(), node) != wanted.end();
    };
    for (const NodeId learner : members.learners) {
        if (!is_wanted(learner)) return replication::MembershipChange{Kind::remove, learner};
        const auto progress = log.progress(learner);
        if (progress && progress->match + close_enough >= log.committed()) {
            return replication::MembershipChange{Kind::promote, learner};
        }
        // One joins at a time.
        return {};
    }
    for (const NodeId node : wanted) {
        if (!members.has(node)) return replication::MembershipChange{Kind::add_learner, node};
    }
    for (const NodeId voter : members.voters) {
        if (!is_wanted(voter) && voter != log.self()) {
            return replication::MembershipChange{Kind::remove, voter};
        }
    }
    return {};
}

void Membership::make_sets(node::Node& node,
                           const std::vector<model::NodeInfo>& nodes,
                           const std::map<SetId, model::SetInfo>& sets) {
    if (making_ || nodes.empty()) return;
    std::vector<model::SetInfo> all;
    for (const auto& [set, info] : sets) all.push_back(info);
    const auto made = [this](const model::Reply&) {
        making_ = false;
    };
    for (std::uint16_t number = 1; number <= data_sets_; ++number) {
        const SetId set{number};
        if (sets.contains(set)) continue;
        model::SetInfo info;
        info.set = set;
        info.replicas = choose_replicas(nodes, all, set, replicas_);
        info.founders = info.replicas;
        // What a server brings that stood alone has no founders: others join it.
        if (node.hosted(set) != nullptr) {
            info.founders.clear();
            info.replicas = {self_};
        }
        all.push_back(info);
        making_ = true;
        node.submit(model::names_set,
                    node::Submission{model::PutSet{std::move(info)}, {}, nullptr, made});
    }
}

void Membership::fill_sets(node::Node& node,
                           const std::vector<model::NodeInfo>& nodes,
                           const std::map<SetId, model::SetInfo>& sets) {
    if (making_) return;
    const auto names = sets.find(model::names_set);
    if (names == sets.end()) return;
    std::vector<model::SetInfo> all;
    for (const auto& [set, info] : sets) all.push_back(info);
    for (const auto& [set, info] : sets) {
        if (set == model::names_set || info.replicas.size() >= replicas_) continue;
        const auto holds = [](const std::vector<NodeId>& list, NodeId id) {
            return std::find(list.begin(), list.end(), id) != list.end();
        };
        // Only who knows of the sets can hold one.
        std::vector<model::NodeInfo> others;
        for (const model::NodeInfo& other : nodes) {
            const bool joined = holds(names->second.replicas, other.node);
            if (joined && !holds(info.replicas, other.node)) others.push_back(other);
        }
        const std::vector<NodeId> chosen = choose_replicas(others, all, set, 1);
        if (chosen.empty()) continue;
        model::SetInfo wanted = info;
        wanted.replicas.push_back(chosen.front());
        making_ = true;
        const auto made = [this](const model::Reply&) {
            making_ = false;
        };
        node.submit(model::names_set,
                    node::Submission{model::PutSet{std::move(wanted)}, {}, nullptr, made});
        return;
    }
}

void Membership::hand_over(replication::RaftLog& log, NodeId to, std::int64_t now_us) {
    const auto since = led_since_us_.emplace(log.set(), now_us).first;
    if (now_us < since->second + lead_at_least_us) return;
    const auto progress = log.progress(to);
    const bool fit = progress && progress->recently_active && progress->match >= log.committed();
    if (!fit) return;
    if (auto handed = log.transfer(to); !handed) return;
    led_since_us_.erase(since);
    log_line(LogLevel::info,
             "cluster",
             "event=transfer set=" + std::to_string(log.set().value) +
                 " to=" + std::to_string(to.value));
}

void Membership::tend(replication::RaftLog& log,
                      const model::SetInfo& wanted,
                      std::int64_t now_us) {
    if (!log.leadership().leading) {
        led_since_us_.erase(log.set());
        return;
    }
    if (const auto change = next_change(log, wanted.replicas)) {
        if (auto proposed = log.change(*change)) log_change(log, *change);
        return;
    }
    const NodeId preferred = wanted.replicas.front();
    const bool ours = preferred == self_;
    if (ours || !log.members().is_voter(preferred)) {
        led_since_us_.emplace(log.set(), now_us);
        const bool stays =
            ours || std::find(wanted.replicas.begin(), wanted.replicas.end(), self_) !=
                        wanted.replicas.end();
        if (stays) return;
        if (const auto successor = log.successor()) hand_over(log, *successor, now_us);
        return;
    }
    hand_over(log, preferred, now_us);
}

}  // namespace penstock::cluster
