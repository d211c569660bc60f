// The core's refusals, worded once.
#pragma once

#include "broker/core/records.h"
#include "broker/model/command.h"

#include <string>

namespace penstock::core {

inline model::Refusal refuse(model::Reason reason, std::string subject, std::string detail) {
    return model::Refusal{reason, std::move(subject), std::move(detail)};
}

inline model::Refusal no_queue(model::QueueNo queue) {
    return refuse(model::Reason::queue_not_found,
                  std::to_string(queue.value),
                  "the queue does not exist, or was deleted");
}

inline model::Refusal no_room(const QueueConfig& config) {
    return refuse(model::Reason::queue_full,
                  config.name,
                  "the queue holds its maximum of " +
                      std::to_string(config.attributes.messages_max) + " messages");
}

inline model::Refusal not_transactional(const std::string& queue) {
    return refuse(model::Reason::not_transactional,
                  queue,
                  "the queue does not take transactional messages: that is chosen when it is made");
}

inline model::Refusal transactional_target(const std::string& queue) {
    return refuse(model::Reason::dead_letter_transactional,
                  queue,
                  "a queue that takes transactional messages cannot be a dead-letter queue");
}

inline model::Refusal no_topic(model::TopicNo topic) {
    return refuse(model::Reason::topic_not_found,
                  std::to_string(topic.value),
                  "the topic does not exist, or was deleted");
}

inline model::Refusal no_subscription(model::SubscriptionNo subscription) {
    return refuse(model::Reason::subscription_not_found,
                  std::to_string(subscription.value),
                  "the subscription does not exist, or was deleted");
}

inline model::Refusal job_running(const std::string& name) {
    return refuse(model::Reason::job_running,
                  name,
                  "another job of it is under way: wait for its end, or cancel it");
}

}  // namespace penstock::core
