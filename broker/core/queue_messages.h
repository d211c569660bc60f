// A queue's messages that nobody has: sent, fed, taken out again, on their way to a dead-letter
// queue. What receivers have: leases.h. Functions on a Turn; replies are refusals when the object
// is missing or the request cannot be.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

model::Reply send(Turn& turn, const model::Send& command);

// Why the send cannot be, or nothing; it needs room for `count` messages.
std::optional<model::Refusal> refuse_send(Turn& turn,
                                          const model::Send& command,
                                          std::uint32_t count);

// True when the queue takes `more` messages besides those it holds.
bool has_room(Turn& turn, ObjectNo queue, const QueueConfig& config, std::uint64_t more);

// Appends to a queue's log what came by another way (feed, dead letter, redrive, delay over) and
// arms what a new message needs. `sent_ms`: when a delayed message was sent.
Sequence append_to_queue(
    Turn& turn, ObjectNo queue, const QueueConfig& config, MessageRef message, TimeMs sent_ms = 0);

// Takes a message that is not leased out of the queue, fresh or ready again; false when it is
// leased, settled or gone.
bool settle_unleased(Turn& turn, ObjectNo queue, Sequence sequence);

// A dead letter of the queue that goes to another set: who is told of the answer, the message as it
// waits for it (ready, or the oldest fresh one; a leased one does so itself), and the answer. One
// that is refused is ready again.
OutboxRow letter_sender(Turn& turn, ObjectNo queue, Sequence sequence);
void move_unleased(Turn& turn, ObjectNo queue, Sequence sequence);
void queue_letter_answered(Turn& turn, const OutboxRow& row, bool taken);

// After the cursor moved: `next` follows it, and without a rewind window nothing below it is kept.
void release_consumed(Turn& turn, ObjectNo queue, const QueueConfig& config);

// The id of a body of the entry being applied.
MessageId own_message(const Turn& turn, std::uint32_t ordinal);

// The hashed ordering key of a body of the entry being applied; 0: it has none.
std::uint32_t key_of_body(const Turn& turn, std::uint32_t ordinal);

// Refuses empty and too large bodies.
std::optional<model::Refusal> check_bodies(const Turn& turn,
                                           std::uint32_t first_ordinal,
                                           std::uint32_t count,
                                           std::uint32_t bytes_max);

}  // namespace penstock::core
