// Which seeds a simulation plays: the first few by default, one alone with `--seed N`. Read from
// the command line once, before any test. Main thread.
#pragma once

#include <cstdint>
#include <vector>

namespace penstock::simulation {

// Seeds 1 .. `count`, or the one that was asked for.
std::vector<std::uint64_t> seeds_to_play(std::uint64_t count);

}  // namespace penstock::simulation
