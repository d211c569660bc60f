// Dead letters: moving a message to its dead-letter queue with the reason, and sending it back.
// A dead-letter queue is a queue: its messages are receivable like any other's.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// How long a message waits when its dead-letter queue is full or gone, before the next try.
inline constexpr TimeMs dead_letter_retry_ms = 30'000;

// Appends the message to `target` with its reason; false (and nothing changed) when that queue is
// gone or full: the message then stays where it is.
bool move_to_dead_letter(Turn& turn, ObjectNo target, MessageId message, DeadInfo dead);

// Starts sending dead letters back where they came from, as a job.
model::Reply start_redrive(Turn& turn, const model::Redrive& command);
void continue_redrive(Turn& turn, ObjectNo queue);  // timer

}  // namespace penstock::core
