// Watch: looks at every member after each of its turns: one leader a term, one state at one applied
// index, answers that wait for the disk. Owned by the Nemesis, one test, one thread.
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

    struct State {
        std::uint64_t hash = 0;
        NodeId seen_at;
    };

    std::map<std::pair<SetId, std::uint64_t>, NodeId> leaders_;  // by term
    std::map<SetId, std::map<model::LogIndex, State>> states_;
    std::map<std::pair<NodeId, SetId>, model::LogIndex> applied_;
    std::vector<std::string> complaints_;
    std::uint64_t trace_ = 0;
};

}  // namespace penstock::cluster::testing
