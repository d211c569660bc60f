// The guardian: the first process of penstock-supervisor, parent of the working one. It does
// nothing but wait, so that nothing can end it by mistake; when the working process is gone it ends
// whatever that has left, and only then itself: its end tells the server that nothing lives.
#pragma once

#include "sinks/worker/supervisor/cgroups.h"

#include <sys/types.h>

namespace penstock::sinks::worker::supervisor {

// Returns the exit status for the whole.
int guard(pid_t working, Cgroups& cgroups);

// The working process ends in order when the guardian is gone. False: it is gone already.
bool end_with_guardian(pid_t guardian);

}  // namespace penstock::sinks::worker::supervisor
