// The keeper: a small process between supervisor and program, where the kernel needs one. It is the
// first process of a strict process's namespaces, and without cgroups the subreaper that knows
// exactly what belongs to the program. Ends when the program has ended and nothing of it is left,
// when told to, or when the supervisor is gone.
#pragma once

#include "sinks/worker/supervisor/child.h"

#include <cstdint>

namespace penstock::sinks::worker::supervisor {

// What the supervisor sends over the report's socket: one byte, a signal for the program's group or
// this.
inline constexpr std::uint8_t keeper_kill = 255;

struct KeeperPlan {
    ChildPlan child;
    bool strict = false;  // in namespaces of its own
    bool user_namespace = false;
    unsigned user = 0;  // the supervisor's
    unsigned group = 0;
};

[[noreturn]] void run_keeper(const KeeperPlan& plan);

}  // namespace penstock::sinks::worker::supervisor
