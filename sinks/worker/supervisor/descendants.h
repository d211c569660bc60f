// Ending every descendant of the calling process, which must be a subreaper (or the first of a pid
// namespace), so that no double fork escapes it. Stops all of them first: a stopped process forks
// no more, so a fork bomb cannot outrun the round that kills. Single-threaded processes only.
#pragma once

#include <sys/types.h>

#include <vector>

namespace penstock::sinks::worker::supervisor {

// Children of the calling process that still run or wait to be reaped.
std::vector<pid_t> children();

// All that `process` has started and that is still below it; itself is not among them.
std::vector<pid_t> descendants_of(pid_t process);

// False when something still lives after `rounds_max` rounds of about a millisecond each (a process
// stuck in the kernel cannot be killed). Reaps all it ends.
bool end_descendants(int rounds_max);

}  // namespace penstock::sinks::worker::supervisor
