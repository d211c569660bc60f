// OpenDelivery: a delivery that is not settled, and the ways it can go: done, set aside, to its
// dead-letter queue. Shared by what settles deliveries, feeds queues and releases what waits. One
// Turn, on the stack.
#pragma once

#include "broker/core/dead_letters.h"
#include "broker/core/turn.h"

#include <optional>

namespace penstock::core {

// A delivery that is open: handed out or ready, not settled.
struct Open {
    Sequence sequence = 0;
    std::optional<Exception> exception;  // it failed before
};

// Nothing when the outcome is stale: settled meanwhile, waiting for a later attempt, or gone.
std::optional<Open> find_open(Turn& turn,
                              ObjectNo subscription,
                              const SubscriptionConfig& config,
                              Sequence sequence,
                              Generation generation);

// The message and when it was published; nothing's id when it is gone from the log.
MessageRef message_of(const Turn& turn, ObjectNo topic, const Open& open, TimeMs* published_ms);

// It is done, whatever it came to; `dead`: not well, which the job that replays it counts. What
// waited behind it may go.
void finish(Turn& turn,
            ObjectNo subscription,
            const SubscriptionConfig& config,
            const Open& open,
            bool dead = false);

// A delivery that fails for the first time becomes an exception before anything else happens to it.
// Its `state` is the caller's to choose.
void make_exception(Turn& turn,
                    ObjectNo subscription,
                    const SubscriptionConfig& config,
                    Open& open);

// The exception becomes one that nobody may try.
void set_aside(Turn& turn,
               ObjectNo subscription,
               const SubscriptionConfig& config,
               Open& open,
               Exception::State why,
               TimeMs due_ms);

// It may be tried now.
void make_ready(Turn& turn, ObjectNo subscription, Open& open);

void wait_until(Turn& turn,
                ObjectNo subscription,
                const SubscriptionConfig& config,
                Open open,
                Exception::State why,
                TimeMs due_ms);

// Moves the delivery, an exception, to the dead-letter queue.
Moved move(Turn& turn, ObjectNo subscription, const SubscriptionConfig& config, const Open& open);

// The end of a delivery that will not be tried again: dead letter, or counted as dropped when there
// is no dead-letter queue.
void bury(Turn& turn, ObjectNo subscription, const SubscriptionConfig& config, Open open);

}  // namespace penstock::core
