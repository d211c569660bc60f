// Walls: what this machine can put around a process, found out once at the start. A value owned by
// the supervisor; what is missing is reported, not refused (except `strict` without namespaces).
#pragma once

#include "sinks/worker/supervisor/cgroups.h"
#include "sinks/worker/supervisor/seccomp_filters.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sinks::worker::supervisor {

struct Walls {
    bool root = false;
    int landlock = 0;  // version; 0: none
    bool seccomp = false;
    bool namespaces = false;
    SeccompProgram forbidding;
    SeccompProgram computing;
    std::string seccomp_problem;
    std::uint64_t user_tasks = 0;  // what else runs as this user, where functions share it
};

// May start and reap a child.
Walls find_walls();

std::vector<SandboxLayer> layers_of(const Walls& walls, const Cgroups& cgroups);

}  // namespace penstock::sinks::worker::supervisor
