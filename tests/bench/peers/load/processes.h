// What the servers' processes have used so far, as the kernel counts it.
#pragma once

#include <cstdint>
#include <vector>

namespace penstock::load {

struct Usage {
    double processor_s = 0;  // of the processes
    double machine_s = 0;    // of everything on this machine
    double own_s = 0;        // of this process
    std::uint64_t resident_bytes = 0;
    std::uint64_t written_bytes = 0;  // sent towards the disk
};

// Of processes that are gone nothing is counted.
Usage usage_of(const std::vector<int>& processes);

}  // namespace penstock::load
