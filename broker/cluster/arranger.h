// Arranger: what the leader of set 0 decides: which sets there are, which nodes hold them, when a
// node that leaves or is lost has been replaced. It asks how things are, plans one step (plan.h),
// has it done and asks again. Owned by the ClusterNode, broker thread only.
#pragma once

#include "broker/api/requests.h"
#include "broker/cluster/plan.h"
#include "broker/node/node.h"

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace penstock::cluster {

struct ArrangerOptions {
    NodeId self;
    std::uint16_t data_sets = 8;                    // of a new cluster
    std::uint32_t replicas = 3;                     // of each of them, as far as there are nodes
    std::int64_t replace_after_us = 1'800'000'000;  // a node away for longer is lost
};

struct ArrangerCounters {
    std::uint64_t moves = 0;  // replicas given to another node or taken away
    std::uint64_t lost = 0;   // times a node was given up
};

class Arranger {
  public:
    explicit Arranger(const ArrangerOptions& options) : options_(options) {}

    using Placed = std::map<SetId, model::SetInfo>;
    using Survey = std::function<void(std::function<void(const api::ClusterView&)>)>;

    // What set 0 says now; lives during a call.
    struct Facts {
        const std::vector<model::NodeInfo>& nodes;
        const Placed& sets;
        bool balancing = false;
    };

    // Looks it up anew: for when an answer has come.
    using Look = std::function<Facts()>;

    // Where this node leads set 0 of a cluster: makes the data sets a new one begins with.
    void make_sets(node::Node& node, const Facts& facts);

    // Now and then, while this node leads set 0. `away`: nodes without a link now.
    void run(node::Node& node,
             const Look& look,
             const std::set<NodeId>& away,
             const Survey& survey,
             std::int64_t now_us);

    // Another node leads set 0.
    void rest();

    // Nodes that have been away for longer than is waited for them.
    [[nodiscard]] std::set<NodeId> lost(std::int64_t now_us) const;

    [[nodiscard]] const ArrangerCounters& counters() const { return counters_; }

  private:
    void watch(const std::set<NodeId>& away, std::int64_t now_us);
    [[nodiscard]] bool has_work(const Facts& facts, std::int64_t now_us) const;
    void take(node::Node& node,
              const Facts& facts,
              const api::ClusterView& view,
              std::int64_t now_us);
    void act(node::Node& node, const Step& step);
    void submit(node::Node& node, model::Command command);

    ArrangerOptions options_;
    std::map<NodeId, std::int64_t> away_since_us_;
    std::set<NodeId> told_lost_;
    std::int64_t next_us_ = 0;
    bool asking_ = false;
    std::uint32_t making_ = 0;  // commands under way
    ArrangerCounters counters_;
};

// The facts that a plan is made of, as the sets' leaders tell them.
PlanFacts plan_facts(const Arranger::Facts& facts, const api::ClusterView& view);

}  // namespace penstock::cluster
