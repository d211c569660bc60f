// The outbox: messages for other sets, numbered per target, each holding its body until the target
// has answered. What is answered leaves; what was refused goes back to where it came from: a
// delivery that failed, a letter that waits, a letter in its queue again, an output that is tried
// again later and dies with a reason.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// An output refused for a passing reason is tried again: pauses from 1 s, doubling.
inline constexpr std::uint32_t output_tries_max = 10;
inline constexpr TimeMs output_pause_ms = 1'000;
inline constexpr TimeMs output_pause_max_ms = 60'000;

bool outbox_has_room(Turn& turn, model::SetId target, std::uint64_t more);

// Why `more` messages cannot be sent to `target` now, or nothing.
std::optional<model::Refusal> refuse_outbox(Turn& turn, model::SetId target, std::uint64_t more);

// Numbers the row and holds its body. There is room.
void put_outbox(Turn& turn, model::SetId target, OutboxRow row);

// A delivery of a subscription whose queue is in another set.
struct Feed {
    MessageRef message;
    Sequence sequence = 0;  // of a redriven delivery, which keeps its own; 0: another gets one
    std::uint32_t count = 0;
    std::uint32_t crashes = 0;
    TimeMs published_ms = 0;
};

// False: no room.
bool feed_outbox(Turn& turn,
                 ObjectNo subscription,
                 const model::SubscriptionSpec& spec,
                 const Feed& feed);

model::Reply transfers_answered(Turn& turn, const model::TransfersAnswered& command);

// Timer: an output that was refused is tried again.
void parked_due(Turn& turn, ObjectNo target, std::uint64_t number);

// What a refusal by another set means for a delivery.
model::Failure failure_of(model::Reason reason);

// "topic/subscription", as dead letters show where they are from.
std::string shown_name(Turn& turn, const SubscriptionConfig& config);

}  // namespace penstock::core
