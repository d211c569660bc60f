// Audit: starts a node over what a crash left, empties every queue and subscription, and holds what
// came against the referee. The referee is only read, so that crashes can be looked at that did not
// happen. Owned by one test, one thread.
#pragma once

#include "tests/simulation/machine.h"
#include "tests/simulation/referee.h"
#include "tests/simulation/workload.h"

namespace penstock::simulation {

// The complaints; a node that does not start is one. `wall_ms` is when the crash happened.
Referee::Complaints audit(Disk& disk,
                          RowImages rows,
                          model::TimeMs wall_ms,
                          const Referee& referee,
                          const Workload& workload);

}  // namespace penstock::simulation
