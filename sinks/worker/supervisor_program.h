// Starting penstock-supervisor itself: a socket pair and a posix_spawn. Free functions; an Error
// says which file is missing or why it cannot run.
#pragma once

#include "broker/base/error.h"
#include "sinks/worker/owned_file.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace penstock::sinks::worker {

struct SupervisorProgram {
    pid_t guardian = 0;
    OwnedFile pidfd;   // of the guardian
    OwnedFile socket;  // our end
};

// Beside the running executable.
std::string supervisor_beside_us();

Result<SupervisorProgram> start_supervisor(const std::string& program,
                                           const std::vector<std::string>& arguments);

}  // namespace penstock::sinks::worker
