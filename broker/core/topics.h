// Topics and their subscriptions: creation, filters, publishing, and feeding queues in the
// publish's own entry.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

model::Reply create_topic(Turn& turn, const model::CreateTopic& command);
model::Reply set_topic(Turn& turn, const model::SetTopic& command);
model::Reply delete_topic(Turn& turn, const model::DeleteTopic& command);
model::Reply publish(Turn& turn, const model::Publish& command);

// Why the publish cannot be, or nothing; it needs room for `count` messages.
std::optional<model::Refusal> refuse_publish(Turn& turn,
                                             const model::Publish& command,
                                             std::uint32_t count);

model::Reply subscribe(Turn& turn, const model::Subscribe& command);
model::Reply set_subscription(Turn& turn, const model::SetSubscription& command);
model::Reply unsubscribe(Turn& turn, const model::Unsubscribe& command);
model::Reply disable_subscription(Turn& turn, const model::DisableSubscription& command);

// Appends one message to the topic's log and gives it to the subscriptions that match.
void publish_message(Turn& turn,
                     ObjectNo topic,
                     const MessageRef& message,
                     const model::MessageMeta& meta);

// The topic's floor rose: subscriptions pass over what expired; failing deliveries among it die.
void skip_expired_deliveries(Turn& turn, ObjectNo topic);

// Timer: rows of a subscription that is gone.
void clean_up_subscription(Turn& turn, ObjectNo subscription, std::string_view value);

}  // namespace penstock::core
