// Dead letters: moving a message to its dead-letter queue with the reason, and sending it back.
// A dead-letter queue is a queue: its messages are receivable like any other's.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// How long a message waits when its dead-letter queue is full or gone, before the next try.
inline constexpr TimeMs dead_letter_retry_ms = 30'000;

// Why `target`, a queue of this set, does not take a letter now, or nothing: it has it, with its
// reason.
std::optional<model::Refusal> take_letter(Turn& turn,
                                          ObjectNo target,
                                          const MessageRef& message,
                                          const DeadInfo& dead);

// What becomes of a letter: it lies in its queue; it is on its way to another set, which will
// answer (so it stays, moving, where it is); or nothing changed: the queue is gone or full, or too
// much is on its way.
enum class Moved : std::uint8_t { here, under_way, no };

// `sender`: who is told of the answer (origin, from, sequence, generation).
Moved move_to_dead_letter(Turn& turn,
                          const model::Place& target,
                          const MessageRef& message,
                          DeadInfo dead,
                          const OutboxRow& sender);

// A letter has come back to its source: a subscription tries it anew, a queue gets it as a fresh
// message. Why it cannot be, or nothing.
std::optional<model::Refusal> send_back(Turn& turn,
                                        const MessageRef& message,
                                        ObjectNo source,
                                        TimeMs first_logged_ms);

// A redriven letter was refused by the set of its source: it lies in its queue again.
void letter_returns(Turn& turn, const OutboxRow& row);

// Starts sending dead letters back where they came from, as a job.
model::Reply start_redrive(Turn& turn, const model::Redrive& command);
void continue_redrive(Turn& turn, ObjectNo queue);  // timer

}  // namespace penstock::core
