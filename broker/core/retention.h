// How space returns: floors rise by age and rewind window, and rows below a floor go as a job that
// lets go of the bodies. Also the rows of objects that are gone.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// Arms the retention timer of a log when none is armed.
void arm_retention(Turn& turn, ObjectNo log);

// Brings it forward: something of a queue that keeps what is consumed for a rewind was consumed.
void arm_rewind_end(Turn& turn, ObjectNo queue);

// Arms it to fire at once: the attributes changed.
void rearm_retention(Turn& turn, ObjectNo log);

// Arms the job that removes rows below the floor.
void arm_reclaim(Turn& turn, ObjectNo log);

// Timers.
void retention_due(Turn& turn, ObjectNo log, std::string_view value);
void reclaim_rows(Turn& turn, ObjectNo log);

// Hides everything in a log at once; the rows go later.
void hide_log(Turn& turn, ObjectNo log);

}  // namespace penstock::core
