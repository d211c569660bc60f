// Landlock: the folders a process may touch. The rule set is made while paths can still be opened
// as the supervisor's user, and entered last. Free functions for the child between fork and exec;
// failures are an Error naming the path, or errno.
#pragma once

#include "broker/base/error.h"
#include "sinks/worker/control.h"
#include "sinks/worker/owned_file.h"

namespace penstock::sinks::worker::supervisor {

// The kernel's version of Landlock; 0: it has none.
int landlock_version();

// What `order` may touch: the system's own folders, its program, working folder, and lists.
Result<OwnedFile> landlock_rules(const ProcessOrder& order, int version);

// Walls the calling process in; no_new_privs must be set. Returns errno or 0.
int enter_landlock(const OwnedFile& rules);

}  // namespace penstock::sinks::worker::supervisor
