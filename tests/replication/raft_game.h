// One set of three to five replicas under faults, from one seed: lost, late, doubled, reordered and
// misdirected frames, one-way cuts, isolated leaders, crashes at every step of a turn, power cuts
// of all, transfers, changes of the members, snapshots. At the end the network heals and everybody
// must catch up. One thread, inside EngineLibrary::run_inside.
#pragma once

#include "tests/replication/simulated_cluster.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::replication::testing {

struct Ran {
    std::vector<std::string> violations;
    std::uint64_t acknowledged = 0;
    std::uint64_t reads = 0;
    std::uint64_t trace = 0;
    std::uint64_t crashes = 0;
    std::uint64_t changes = 0;
    std::uint64_t installed = 0;
    std::uint64_t reread = 0;
};

Ran play(std::uint64_t seed);

}  // namespace penstock::replication::testing
