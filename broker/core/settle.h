// Settling deliveries of subscriptions: success, retry by the subscription's policy, dead letter.
// The one place that knows the retry policy.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// Shortest pause of a delivery that could not be attempted.
inline constexpr TimeMs deferral_min_ms = 1'000;
// Failing deliveries per subscription; beyond it nothing fresh is handed out.
inline constexpr std::uint64_t failing_per_subscription_max = 100'000;

model::Reply settle(Turn& turn, const model::Settle& command);
model::Reply feed_queue(Turn& turn, const model::FeedQueue& command);
model::Reply quarantine(Turn& turn, const model::Quarantine& command);

// Tries a dead letter, or a message that is replayed, anew for its subscription: attempts begin at
// 1 again.
struct Anew {
    TimeMs published_ms = 0;
    std::uint32_t redrives = 0;
    std::uint64_t replay = 0;  // the job's number; 0: a dead letter
};

void redeliver(Turn& turn, ObjectNo subscription, const MessageRef& message, const Anew& anew);

// The set of a subscriber queue refused a message that was fed to it: the delivery has failed once
// more, and is tried again by the policy.
void feed_refused(Turn& turn, const OutboxRow& row, const model::TransferAnswer& answer);

// The set of the dead-letter queue has answered to a letter of the subscription.
void delivery_letter_answered(Turn& turn, const OutboxRow& row, bool taken);

// Ends a failing delivery whose message expires: dead letter, or counted as dropped when there is
// no dead-letter queue or it takes nothing.
void bury_or_drop(Turn& turn, ObjectNo subscription, Sequence sequence);

// Timer: a retry is due, or a dead-letter queue may take again.
void retry_due(Turn& turn, ObjectNo subscription, std::string_view value);

}  // namespace penstock::core
