// One crash of a seeded workload, and what is wrong after it. One test, one thread.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::storage::testing {

struct CrashRun {
    std::uint64_t seed = 1;
    std::uint64_t turns = 0;
    std::uint64_t stop_after = 0;  // changes of the disk before the power fails
    bool lying_syncs = false;
    std::uint64_t zero_ahead = 0;
};

// Runs until the disk stops, crashes, reopens, compares, goes on, crashes again. Empty: all that
// was acknowledged is there, byte by byte.
std::string crash(const CrashRun& run);

// How many changes of the disk the whole run makes; rewrites of segments among them or not, and
// bodies that were not written again.
struct CrashSpan {
    std::uint64_t operations = 0;
    bool rewrote = false;
    bool shared = false;
};

CrashSpan span_of(std::uint64_t seed, std::uint64_t turns, std::uint64_t zero_ahead = 0);

}  // namespace penstock::storage::testing
