#include "broker/cluster/plan.h"

#include <algorithm>
#include <utility>

namespace penstock::cluster {

namespace {

constexpr std::size_t copies_min = 2;  // a set is not made smaller than that

struct Load {
    std::size_t led = 0;
    std::size_t held = 0;
};

bool has(const std::vector<NodeId>& nodes, NodeId node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

std::map<NodeId, Load> loads(const std::vector<model::SetInfo>& sets) {
    std::map<NodeId, Load> load;
    for (const model::SetInfo& set : sets) {
        if (set.set == model::names_set || set.replicas.empty()) continue;
        ++load[set.replicas.front()].led;
        for (const NodeId node : set.replicas) ++load[node].held;
    }
    return load;
}

// Looks at the facts from several sides.
class Planner {
  public:
    explicit Planner(const PlanFacts& facts) : facts_(facts), load_(loads(facts.sets)) {
        for (const model::SetInfo& set : facts.sets) {
            if (set.set == model::names_set) names_ = &set;
        }
        if (names_ == nullptr) return;
        for (const model::NodeInfo& node : facts.nodes) {
            const bool fit =
                !node.leaving && !facts.lost.contains(node.node) && !facts.away.contains(node.node);
            const bool joined = has(names_->replicas, node.node);
            if (fit && joined) able_.push_back(node);
            joining_ = joining_ || (!joined && !node.leaving && !facts.lost.contains(node.node));
        }
    }

    Step step() const {
        if (names_ == nullptr) return {};
        // One replica moves at a time, unless it waits for a node that is not there.
        if (!facts_.moving.empty()) return unblock();
        if (Step fill = fill_up(); fill.place) return fill;
        if (Step moved = empty_nodes(); moved.place || moved.forget) return moved;
        if (!facts_.balancing || !facts_.unknown.empty() || joining_) return {};
        if (Step moved = even_out(); moved.place) return moved;
        if (Step led = even_out_leaders(); led.lead) return led;
        Step done;
        done.balanced = true;
        return done;
    }

    [[nodiscard]] std::string why_it_stays(NodeId leaving) const {
        if (names_ == nullptr) return {};
        if (!facts_.moving.empty()) return unblock().place ? std::string() : what_is_waited_for();
        for (const model::SetInfo& set : facts_.sets) {
            if (set.set == model::names_set || !has(set.replicas, leaving)) continue;
            if (facts_.unknown.contains(set.set)) return name_of(set.set) + " has no leader";
            if (!replace(set, leaving, true).place)
                return name_of(set.set) + nowhere_to_go(leaving);
        }
        const bool held = has(names_->replicas, leaving) && !holds_data(leaving);
        if (!held || let_go(leaving).place) return {};
        return name_of(model::names_set) + nowhere_to_go(leaving);
    }

  private:
    static std::string name_of(SetId set) { return "set " + std::to_string(set.value); }

    // A move that does not end by itself.
    [[nodiscard]] std::string what_is_waited_for() const {
        for (const auto& [set, nodes] : facts_.joining) {
            for (const NodeId node : nodes) {
                if (!facts_.away.contains(node)) continue;
                return name_of(set) + " waits for node " + std::to_string(node.value) +
                       ", which is away: start it, or remove it too";
            }
        }
        return {};
    }

    [[nodiscard]] std::string nowhere_to_go(NodeId leaving) const {
        for (const model::NodeInfo& node : facts_.nodes) {
            if (node.leaving || has(names_->replicas, node.node)) continue;
            return " waits for node " + std::to_string(node.node.value) +
                   ", which has not joined yet";
        }
        return " has no other node to go to: add one, or keep this one by `penstock cluster add " +
               std::to_string(leaving.value) + "` with its address";
    }

    // A move to who is gone, or is to leave, may never end.
    [[nodiscard]] Step unblock() const {
        for (const model::SetInfo& set : facts_.sets) {
            if (!facts_.moving.contains(set.set)) continue;
            for (const model::NodeInfo& node : infos(set.replicas)) {
                if (set.set == model::names_set) {
                    if (node.leaving && !holds_data(node.node)) return let_go(node.node);
                    continue;
                }
                const bool unwanted =
                    node.leaving && (facts_.away.contains(node.node) || joins(set.set, node.node));
                if (!unwanted && !facts_.lost.contains(node.node)) continue;
                Step step = replace(set, node.node, node.leaving);
                if (!step.place) continue;
                step.why = node.leaving ? "leaving" : "lost";
                return step;
            }
        }
        return {};
    }

    [[nodiscard]] bool joins(SetId set, NodeId node) const {
        const auto joining = facts_.joining.find(set);
        return joining != facts_.joining.end() && joining->second.contains(node);
    }

    [[nodiscard]] bool holds_data(NodeId node) const {
        return std::any_of(facts_.sets.begin(), facts_.sets.end(), [&](const auto& set) {
            return set.set != model::names_set && has(set.replicas, node);
        });
    }

    [[nodiscard]] std::vector<model::NodeInfo> infos(const std::vector<NodeId>& ids) const {
        std::vector<model::NodeInfo> found;
        for (const model::NodeInfo& node : facts_.nodes) {
            if (has(ids, node.node)) found.push_back(node);
        }
        return found;
    }

    // A node that could take a replica of the set, beside those in `kept`.
    [[nodiscard]] std::optional<NodeId> taker(const model::SetInfo& set,
                                              const std::vector<NodeId>& kept) const {
        std::vector<model::NodeInfo> others;
        for (const model::NodeInfo& node : able_) {
            if (!has(set.replicas, node.node)) others.push_back(node);
        }
        const auto chosen = choose_replicas(others, facts_.sets, set.set, 1, infos(kept));
        if (chosen.empty()) return {};
        return chosen.front();
    }

    [[nodiscard]] Step fill_up() const {
        for (const model::SetInfo& set : facts_.sets) {
            const bool full = set.replicas.size() >= facts_.replicas;
            if (set.set == model::names_set || full || facts_.unknown.contains(set.set)) continue;
            const auto fresh = taker(set, set.replicas);
            if (!fresh) continue;
            Step step;
            step.place = set;
            step.place->replicas.push_back(*fresh);
            step.why = "too few";
            return step;
        }
        return {};
    }

    // The set without `gone`: with another one in its place where there is one.
    [[nodiscard]] Step replace(const model::SetInfo& set, NodeId gone, bool may_shrink) const {
        std::vector<NodeId> kept = set.replicas;
        std::erase(kept, gone);
        const auto fresh = taker(set, kept);
        // Who joins may take it in a moment.
        if (!fresh && (!may_shrink || joining_ || kept.size() < copies_min)) return {};
        Step step;
        step.place = set;
        auto& replicas = step.place->replicas;
        const auto at = std::find(replicas.begin(), replicas.end(), gone);
        if (fresh) {
            *at = *fresh;
        } else {
            replicas.erase(at);
        }
        return step;
    }

    [[nodiscard]] Step empty_nodes() const {
        for (const model::NodeInfo& node : facts_.nodes) {
            const bool lost = facts_.lost.contains(node.node);
            if (!node.leaving && !lost) continue;
            bool holds = false;
            for (const model::SetInfo& set : facts_.sets) {
                if (set.set == model::names_set || !has(set.replicas, node.node)) continue;
                holds = true;
                if (facts_.unknown.contains(set.set)) continue;
                Step step = replace(set, node.node, node.leaving);
                if (!step.place) continue;
                step.why = node.leaving ? "leaving" : "lost";
                return step;
            }
            if (holds || !node.leaving || !facts_.unknown.empty()) continue;
            if (Step gone = let_go(node.node); gone.place || gone.forget) return gone;
        }
        return {};
    }

    // A node that holds no data set leaves set 0, and then the cluster.
    [[nodiscard]] Step let_go(NodeId node) const {
        Step step;
        if (!has(names_->replicas, node)) {
            step.forget = node;
        } else if (names_->replicas.size() > copies_min) {
            step.place = *names_;
            std::erase(step.place->replicas, node);
            step.why = "leaving";
        }
        return step;
    }

    [[nodiscard]] std::size_t held(NodeId node) const {
        const auto load = load_.find(node);
        return load == load_.end() ? 0 : load->second.held;
    }

    [[nodiscard]] std::size_t led(NodeId node) const {
        const auto load = load_.find(node);
        return load == load_.end() ? 0 : load->second.led;
    }

    [[nodiscard]] std::size_t zones(const std::vector<NodeId>& ids) const {
        std::set<std::string> zones;
        for (const model::NodeInfo& node : infos(ids)) zones.insert(node.zone);
        return zones.size();
    }

    // From the fullest node to the emptiest, where that costs no zone.
    [[nodiscard]] Step even_out() const {
        std::optional<Step> best;
        std::size_t gain = 1;
        for (const model::SetInfo& set : facts_.sets) {
            if (set.set == model::names_set) continue;
            for (const NodeId from : set.replicas) {
                for (const model::NodeInfo& to : able_) {
                    const bool lighter = held(from) > held(to.node) + gain;
                    if (!lighter || has(set.replicas, to.node)) continue;
                    Step step;
                    step.place = set;
                    auto& replicas = step.place->replicas;
                    *std::find(replicas.begin(), replicas.end(), from) = to.node;
                    if (zones(replicas) < zones(set.replicas)) continue;
                    step.why = "balance";
                    gain = held(from) - held(to.node);
                    best = std::move(step);
                }
            }
        }
        return best.value_or(Step{});
    }

    [[nodiscard]] Step even_out_leaders() const {
        for (const model::SetInfo& set : facts_.sets) {
            if (set.set == model::names_set || set.replicas.empty()) continue;
            const NodeId now = set.replicas.front();
            for (const model::NodeInfo& other : able_) {
                if (!has(set.replicas, other.node) || led(now) <= led(other.node) + 1) continue;
                Step step;
                step.lead = set;
                auto& replicas = step.lead->replicas;
                const auto at = std::find(replicas.begin(), replicas.end(), other.node);
                std::rotate(replicas.begin(), at, at + 1);
                return step;
            }
        }
        return {};
    }

    const PlanFacts& facts_;
    std::map<NodeId, Load> load_;
    const model::SetInfo* names_ = nullptr;
    std::vector<model::NodeInfo> able_;  // to take a replica
    bool joining_ = false;               // there is one that does not know of the sets yet
};

}  // namespace

Step next_step(const PlanFacts& facts) {
    return Planner(facts).step();
}

std::string why_it_stays(const PlanFacts& facts, NodeId node) {
    return Planner(facts).why_it_stays(node);
}

std::vector<NodeId> wanted_voters(const model::SetInfo& set) {
    std::vector<NodeId> voters = set.replicas;
    if (set.set == model::names_set && voters.size() > names_voters_max) {
        voters.resize(names_voters_max);
    }
    return voters;
}

std::vector<NodeId> choose_replicas(const std::vector<model::NodeInfo>& nodes,
                                    const std::vector<model::SetInfo>& sets,
                                    SetId set,
                                    std::uint32_t wanted,
                                    const std::vector<model::NodeInfo>& kept) {
    std::map<NodeId, Load> load = loads(sets);
    std::vector<model::NodeInfo> left;
    for (const model::NodeInfo& node : nodes) {
        if (!node.leaving) left.push_back(node);
    }
    std::vector<NodeId> chosen;
    std::set<std::string> zones;
    for (const model::NodeInfo& node : kept) zones.insert(node.zone);
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

}  // namespace penstock::cluster
