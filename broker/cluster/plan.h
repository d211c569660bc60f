// Plan: where the replicas of sets should be. Pure functions of what set 0 says and what the sets'
// leaders tell; any thread, deterministic. One step at a time: the next one is planned when what
// the last one asked for has happened, so a plan that is broken off leaves nothing to be undone.
#pragma once

#include "broker/model/cluster.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace penstock::cluster {

using model::NodeId;
using model::SetId;

// All nodes hold set 0; the first ones of its list vote.
inline constexpr std::size_t names_voters_max = 5;

// Those of a set's replicas that should vote.
std::vector<NodeId> wanted_voters(const model::SetInfo& set);

// The replicas of data set `set` among the nodes: as many zones as there are, each node with about
// as many sets as the others; the first one should lead. `kept` are replicas it has besides.
std::vector<NodeId> choose_replicas(const std::vector<model::NodeInfo>& nodes,
                                    const std::vector<model::SetInfo>& sets,
                                    SetId set,
                                    std::uint32_t wanted,
                                    const std::vector<model::NodeInfo>& kept = {});

struct PlanFacts {
    std::vector<model::NodeInfo> nodes;
    std::vector<model::SetInfo> sets;  // set 0 among them
    std::set<SetId> moving;            // their leader says: the members are not those wanted yet
    std::map<SetId, std::set<NodeId>> joining;  // wanted there, and not voting yet
    std::set<SetId> unknown;                    // no leader says anything
    std::set<NodeId> lost;                      // away for longer than is waited for them
    std::set<NodeId> away;                      // not here now: they get nothing new
    bool balancing = false;
    std::uint32_t replicas = 3;
};

// At most one of them is to be done; none: all is as it should be, or has to wait.
struct Step {
    std::optional<model::SetInfo> place;
    std::optional<model::SetInfo> lead;  // the same replicas with another one first
    std::optional<NodeId> forget;        // it holds nothing any more
    bool balanced = false;               // there is nothing left to even out
    std::string why;                     // of `place`, for the log
};

Step next_step(const PlanFacts& facts);

// What a node that leaves is still there for and nothing here will end, in words; empty: it is on
// its way.
std::string why_it_stays(const PlanFacts& facts, NodeId node);

}  // namespace penstock::cluster
