// Order by key: of each ordering key of a subscription only the oldest delivery that failed may be
// tried, and nothing behind it. Which ones have failed stands in rows by key, so that neither a
// hand out nor an end looks at more than its neighbour. Pure functions over rows.
#pragma once

#include "broker/core/turn.h"

#include <optional>
#include <string_view>

namespace penstock::core {

// Keys are told apart by this; 0 only for no key. Two keys that share a number only wait for each
// other.
std::uint32_t hash_of_key(std::string_view ordering_key);

// True when deliveries of the subscription go by key. A queue that takes nothing takes nothing of
// any key: there the whole subscription keeps its order (RetryPolicy::keeps_order).
bool orders_by_key(const model::SubscriptionSpec& spec);

// True when the order of deliveries means something: of all of them, or of each key.
bool keeps_some_order(const model::SubscriptionSpec& spec);

// The key of a message in the topic's log; 0: it has none, or the subscription does not ask.
std::uint32_t key_of(const model::Rows& rows, const SubscriptionConfig& config, Sequence sequence);

// True when the key has an exception before `sequence`: a delivery that failed and is not done, a
// message of an ordered queue that is with a receiver, or waits.
bool earlier_of_key(const model::Rows& rows,
                    ObjectNo object,
                    const DeliveryState& state,
                    std::uint32_t key,
                    Sequence sequence);

// The exception `sequence` of the key is over. Answers the state of the key's next one, nothing
// when there is none; one that was parked is ready now, and whoever counts parked ones takes it
// off.
std::optional<Exception::State> pass_key(Turn& turn,
                                         ObjectNo object,
                                         std::uint32_t key,
                                         Sequence sequence);

}  // namespace penstock::core
