// Dead-lettering by age (policy 1): a message not consumed within its queue's time-to-live, counted
// from the later of its log time and the last rewind, moves to the dead-letter queue.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// True when the queue's policy is by age and a message logged then has passed it.
bool too_old(const Turn& turn,
             const QueueConfig& config,
             const DeliveryState& state,
             TimeMs logged);

// Arms the timer for a message logged then, unless an earlier one is armed or no policy wants it.
void arm_time_to_live(Turn& turn, ObjectNo queue, const QueueConfig& config, TimeMs logged);

// A dead-letter queue refused one: the next try comes after a pause.
void retry_time_to_live(Turn& turn, ObjectNo queue, const QueueConfig& config);

// Timer: moves what is over age, oldest first; arms itself for the next one.
void time_to_live_due(Turn& turn, ObjectNo queue, std::string_view value);

}  // namespace penstock::core
