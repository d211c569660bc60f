// Watch: looks at every member after each of its turns: one leader a term, one state at one applied
// index, answers that wait for the disk, voters that keep their replicas. Owned by the Nemesis, one
// test, one thread.
#pragma once

#include "tests/cluster/world.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::cluster::testing {

class Watch {
  public:
    // A member has just run.
    void look(Member& member);

    // A member begins another life: it may have forgotten what it had not written.
    void begins(NodeId member);

    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

    // Of all that was applied, by whom and in which order.
    [[nodiscard]] std::uint64_t trace() const { return trace_; }

  private:
    void look_at_set(NodeId member, node::HostedSet& set);
    void look_at_replica(Member& member, SetId set);

    struct State {
        std::uint64_t hash = 0;
        NodeId seen_at;
    };

    // Who votes in a set, by the word of the leader of the latest term.
    struct Voters {
        std::uint64_t term = 0;
        std::vector<NodeId> nodes;
    };

    std::map<SetId, Voters> voters_;
    std::map<std::pair<NodeId, SetId>, std::uint64_t> holds_;    // in which of its lives
    std::map<std::pair<SetId, std::uint64_t>, NodeId> leaders_;  // by term
    std::map<SetId, std::map<model::LogIndex, State>> states_;
    std::map<std::pair<NodeId, SetId>, model::LogIndex> applied_;
    std::vector<std::string> complaints_;
    std::uint64_t trace_ = 0;
};

}  // namespace penstock::cluster::testing
