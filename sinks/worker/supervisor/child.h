// The child between fork and exec: takes the steps of the sandbox in their order and becomes the
// program, or reports the step that failed and ends. Runs in a process of its own with one thread
// and all signals blocked.
#pragma once

#include "sinks/worker/control.h"
#include "sinks/worker/supervisor/cgroups.h"
#include "sinks/worker/supervisor/report.h"
#include "sinks/worker/supervisor/walls.h"

#include <sys/types.h>

#include <vector>

namespace penstock::sinks::worker::supervisor {

struct ChildPlan {
    const ProcessOrder& order;
    std::vector<int> files;  // files[n] becomes descriptor n
    const Cgroups& cgroups;
    const Slot& slot;
    const Walls& walls;
    int report = -1;         // closed by exec
    pid_t parent = 0;        // ends when this process ends
    bool in_slot = false;    // a keeper has moved itself and so its child
    bool other_user = true;  // false in a user namespace, which has one user only
};

[[noreturn]] void run_child(const ChildPlan& plan);

// First step of child and keeper: no handler of the supervisor is left, own session and group.
void leave_supervisor();

// Reports and ends.
[[noreturn]] void give_up(int report, Step step, int code, const std::string& detail);

// Moves descriptors out of the way of low numbers, kept across exec by nobody.
std::vector<int> out_of_the_way(const std::vector<int>& files);

// Descriptors are closed by exec from `first` on.
void close_on_exec_from(unsigned first);

}  // namespace penstock::sinks::worker::supervisor
