// Short ways to say the commands of a data set, and the objects most tests of the core share.
// Values, any thread.
#pragma once

#include "tests/support/core_driver.h"

#include <string>
#include <vector>

namespace penstock::testing {

inline constexpr model::QueueNo orders{1};
inline constexpr model::QueueNo others{2};
inline constexpr model::QueueNo morgue{3};  // a dead-letter queue
inline constexpr model::TopicNo news{10};
inline constexpr model::SubscriptionNo first_reader{11};
inline constexpr model::SubscriptionNo second_reader{12};

inline model::CreateQueue make_queue(model::QueueNo queue, model::QueueAttributes attributes = {}) {
    return {queue, "queue-" + std::to_string(queue.value), model::QueueKind::user, attributes};
}

inline model::QueueAttributes with_rewind(std::uint32_t rewind_s,
                                          std::uint32_t retention_s = 345'600) {
    model::QueueAttributes attributes;
    attributes.rewind_s = rewind_s;
    attributes.retention_s = retention_s;
    return attributes;
}

inline model::QueueAttributes dead_by_receives(model::QueueNo target, std::uint32_t max_receives) {
    model::QueueAttributes attributes;
    attributes.dead_letter =
        model::DeadLetterPolicy{target, model::DeadLetterPolicy::Kind::receives, max_receives, 0};
    return attributes;
}

inline model::QueueAttributes dead_by_age(model::QueueNo target, std::uint32_t time_to_live_s) {
    model::QueueAttributes attributes;
    attributes.dead_letter = model::DeadLetterPolicy{
        target, model::DeadLetterPolicy::Kind::time_to_live, 0, time_to_live_s};
    return attributes;
}

inline model::QueueAttributes holding(std::uint64_t messages_max) {
    model::QueueAttributes attributes;
    attributes.messages_max = messages_max;
    return attributes;
}

inline model::Send make_send(model::QueueNo queue,
                             std::uint32_t count = 1,
                             std::uint64_t delay_ms = 0,
                             std::string dedup_key = {}) {
    return {queue, 0, count, delay_ms, std::move(dedup_key)};
}

inline model::Publish make_publish(model::TopicNo topic,
                                   std::uint32_t count = 1,
                                   std::uint64_t delay_ms = 0,
                                   std::string dedup_key = {}) {
    return {topic, 0, count, delay_ms, std::move(dedup_key), false};
}

inline model::CreateTopic make_topic(model::TopicNo topic,
                                     model::FilterKind filter = model::FilterKind::tags,
                                     std::uint32_t retention_s = 86'400) {
    return {topic, "topic-" + std::to_string(topic.value), {65'536, filter, retention_s}};
}

inline model::SubscriptionSpec http_spec(model::QueueNo dead_letter = {},
                                         model::RetryPolicy retry = model::exponential_retry()) {
    model::SubscriptionSpec spec;
    spec.endpoint = "http://127.0.0.1/";
    spec.retry = std::move(retry);
    spec.dead_letter = dead_letter;
    return spec;
}

inline model::SubscriptionSpec queue_spec(model::QueueNo queue) {
    model::SubscriptionSpec spec;
    spec.sink = model::SinkKind::queue;
    spec.endpoint = "queue-" + std::to_string(queue.value);
    spec.queue = queue;
    spec.format = model::ContentFormat::simplified;
    return spec;
}

inline model::SubscriptionSpec tagged_spec(std::vector<std::string> tags) {
    model::SubscriptionSpec spec = http_spec();
    spec.filter_tags = std::move(tags);
    return spec;
}

inline model::Subscribe make_subscription(model::SubscriptionNo subscription,
                                          model::SubscriptionSpec spec,
                                          model::TopicNo topic = news) {
    return {subscription,
            topic,
            "subscription-" + std::to_string(subscription.value),
            std::move(spec),
            {}};
}

inline std::vector<model::BodyInfo> bodies(std::uint32_t count) {
    return std::vector<model::BodyInfo>(count, body());
}

inline std::vector<model::MessageId> send(CoreDriver& driver,
                                          model::QueueNo queue,
                                          std::uint32_t count = 1,
                                          std::uint64_t delay_ms = 0) {
    return driver.apply_as<model::Sent>(make_send(queue, count, delay_ms), bodies(count)).ids;
}

inline std::vector<model::MessageId> publish(CoreDriver& driver,
                                             model::TopicNo topic,
                                             std::uint32_t count = 1) {
    return driver.apply_as<model::Sent>(make_publish(topic, count), bodies(count)).ids;
}

inline std::vector<model::LeasedMessage> receive(CoreDriver& driver,
                                                 model::QueueNo queue,
                                                 std::uint32_t messages_max = 1,
                                                 std::uint32_t visibility_ms = 0) {
    return driver.apply_as<model::Leased>(model::Lease{queue, messages_max, visibility_ms})
        .messages;
}

// Whether the receipt was valid.
inline bool remove(CoreDriver& driver, model::QueueNo queue, model::Receipt receipt) {
    return driver.apply_as<model::Deleted>(model::DeleteMessages{queue, {receipt}}).removed.at(0);
}

inline std::vector<core::ReadyItem> ready(const CoreDriver& driver,
                                          model::SubscriptionNo subscription,
                                          std::uint32_t limit = 1'000) {
    return core::ready_deliveries(driver.rows(), subscription, 0, limit, 100'000).items;
}

inline std::vector<model::Sequence> ready_sequences(const CoreDriver& driver,
                                                    model::SubscriptionNo subscription) {
    std::vector<model::Sequence> sequences;
    for (const core::ReadyItem& item : ready(driver, subscription)) {
        sequences.push_back(item.sequence);
    }
    return sequences;
}

inline model::SettleItem outcome(model::Sequence sequence,
                                 model::Verdict verdict,
                                 model::Generation generation = 0) {
    model::SettleItem item;
    item.sequence = sequence;
    item.generation = generation;
    item.verdict = verdict;
    if (verdict != model::Verdict::accepted) {
        item.failure = model::Failure::status;
        item.status = 500;
        item.excerpt = "Internal Server Error";
    }
    return item;
}

inline void settle(CoreDriver& driver,
                   model::SubscriptionNo subscription,
                   std::vector<model::Sequence> sequences,
                   model::Verdict verdict) {
    model::Settle command;
    command.subscription = subscription;
    for (const model::Sequence sequence : sequences) {
        command.items.push_back(outcome(sequence, verdict));
    }
    driver.done(command);
}

inline core::QueueCounts counts(const CoreDriver& driver, model::QueueNo queue) {
    return core::queue_info(driver.rows(), queue)->counts;
}

}  // namespace penstock::testing
