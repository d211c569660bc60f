// Validation: the allowed ranges of what requests carry (model/objects.h), and changes laid over
// attributes. Pure functions; a Refusal names the field and its range. Nothing: it is fine.
#pragma once

#include "broker/api/requests.h"
#include "broker/model/refusal.h"

#include <optional>
#include <string_view>

namespace penstock::node {

using Refused = std::optional<model::Refusal>;

// What users may call an object; of queues and topics as they are stored: an account's name and a
// colon may stand before it.
Refused check_name(std::string_view field, std::string_view name);
Refused check_stored_name(std::string_view field, std::string_view name);

// Lays a change over the attributes; the dead-letter policy's queue is resolved by the caller.
Refused apply_change(const api::QueueChange& change, model::QueueAttributes& attributes);
// `ceiling`: the greatest message_bytes_max, in bytes (NodeOptions).
Refused check_queue(const model::QueueAttributes& attributes, std::uint32_t ceiling);
Refused check_dead_letter(const api::DeadLetterSpec& spec, const model::QueueAttributes& queue);
Refused check_topic(const model::TopicAttributes& attributes, std::uint32_t ceiling);
Refused check_subscription(const model::SubscriptionSpec& spec, model::FilterKind filter);
Refused check_function(const model::SubscriptionSpec& spec);
Refused check_script(const model::Script& script);

// What every send and publish must keep to; the queue's own size limit is the core's to check. A
// message that is sent alone may have `body_bytes_max`, several have batch_bytes_max together.
inline constexpr std::size_t batch_messages_max = 16;
inline constexpr std::uint64_t batch_bytes_max = 1U << 20;
inline constexpr std::uint32_t delay_s_max = 3'600;

Refused check_batch(const std::vector<model::BodyInfo>& messages,
                    std::uint32_t delay_s,
                    std::string_view dedup_key,
                    std::uint64_t body_bytes_max);
Refused check_job(const model::MessageFilter& filter, std::uint32_t rate_per_s);
Refused check_receive(const api::ReceiveMessages& request);
Refused check_transaction(const api::SendMessages& request);
Refused check_confirm(const api::ConfirmTransactions& request);
Refused check_take(const api::TakeChecks& request);

model::Refusal out_of_range(std::string_view field,
                            std::uint64_t minimum,
                            std::uint64_t maximum,
                            std::string_view unit = {});

}  // namespace penstock::node
