// How much memory a tree of processes has resident. Reads /proc; free functions, any thread. What
// has ended meanwhile weighs nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace penstock::sinks::worker::supervisor {

// Pages that several of them share count for each.
std::uint64_t resident_bytes(const std::vector<pid_t>& processes);

}  // namespace penstock::sinks::worker::supervisor
