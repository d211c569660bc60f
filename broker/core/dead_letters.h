// Dead letters: moving a message to its dead-letter queue with the reason, and sending it back.
// A dead-letter queue is a queue: its messages are receivable like any other's.
#pragma once

#include "broker/core/jobs.h"
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
                                        const DeadInfo& dead);

// A redriven letter was refused by the set of its source: it lies in its queue again.
void letter_returns(Turn& turn, const OutboxRow& row);

// A letter that was sent back so often and died again is left by a redrive of all or by a filter.
// Those named one by one go however often they came back (subscriptions' letters are counted).
inline constexpr std::uint32_t redrives_max = 10;

// Deliveries of a subscription that were redriven and are open: beyond it a redrive waits.
inline constexpr std::uint64_t redriven_open_max = 10'000;

// Starts sending dead letters back where they came from, as a job.
model::Reply start_redrive(Turn& turn, const model::Redrive& command);

// One letter of a job's range. A leased one, one sent here directly, one that the filter does not
// mean and one whose source is gone stay.
Taken redrive_one(Turn& turn, ObjectNo queue, const JobRow& row, Sequence sequence);

// The letters of the job that were named one by one, as far as the budget reaches.
void redrive_named(Turn& turn, ObjectNo queue, JobRow& row);

model::Reply edit_letter(Turn& turn, const model::EditLetter& command);

}  // namespace penstock::core
