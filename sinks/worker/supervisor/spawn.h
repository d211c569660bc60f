// Starting one child: the fork and what the supervisor keeps of it. Called on the supervisor's one
// thread; an Error means that nothing was started.
#pragma once

#include "broker/base/error.h"
#include "sinks/worker/control.h"
#include "sinks/worker/owned_file.h"
#include "sinks/worker/supervisor/cgroups.h"
#include "sinks/worker/supervisor/walls.h"

#include <sys/types.h>

#include <vector>

namespace penstock::sinks::worker::supervisor {

struct Spawned {
    pid_t root = 0;  // the program, or its keeper
    OwnedFile pidfd;
    OwnedFile reports;   // the supervisor's end of the child's socket
    bool kept = false;   // a keeper stands between
    bool alone = false;  // in namespaces of its own: all of it goes with the root
};

Result<Spawned> spawn(const ProcessOrder& order,
                      const std::vector<OwnedFile>& files,
                      const Cgroups& cgroups,
                      const Slot& slot,
                      const Walls& walls);

}  // namespace penstock::sinks::worker::supervisor
