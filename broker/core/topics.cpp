#include "broker/core/topics.h"

#include "broker/base/bytes.h"
#include "broker/core/delays.h"
#include "broker/core/delivery.h"
#include "broker/core/key_order.h"
#include "broker/core/kv.h"
#include "broker/core/message_log.h"
#include "broker/core/outbox.h"
#include "broker/core/queue_messages.h"
#include "broker/core/queues.h"
#include "broker/core/refusals.h"
#include "broker/core/retention.h"
#include "broker/core/scripts.h"
#include "broker/core/settle.h"
#include "broker/core/timers.h"

#include <algorithm>

namespace penstock::core {

using model::Reason;

namespace {

std::vector<ObjectNo> subscriptions_of_topic(const Turn& turn, ObjectNo topic) {
    std::vector<ObjectNo> found;
    turn.scan(
        keys::prefix('u', topic), keys::prefix_end('u', topic), [&](std::string_view key, auto) {
            found.push_back(keys::last_object(key));
            return true;
        });
    return found;
}

// A queue subscriber is fed at once while nothing of the subscription waits for its queue.
bool feed_now(Turn& turn,
              ObjectNo subscription,
              const model::SubscriptionSpec& spec,
              const MessageRef& message) {
    if (spec.state != model::SubscriptionState::active) return false;
    const DeliveryState& state = turn.delivery(subscription);
    if (state.pending > 0 || state.exceptions > 0) return false;
    if (!turn.here(spec.queue)) {
        return feed_outbox(
            turn, subscription, spec, {.message = message, .published_ms = turn.now()});
    }
    const QueueNo number = spec.queue.number;
    const QueueConfig* queue = turn.queue(number);
    if (!queue || queue->attributes.paused || !has_room(turn, number, *queue, 1)) return false;
    append_to_queue(turn, number, *queue, message);
    return true;
}

// A script between topic and queue is run by the dispatcher.
bool fed_directly(const model::SubscriptionSpec& spec) {
    return spec.sink == model::SinkKind::queue && spec.scripts == decltype(spec.scripts){};
}

const Matcher& matcher_of(Turn& turn, ObjectNo topic, model::FilterKind kind) {
    auto& cached = turn.matchers()[topic];
    if (!cached) {
        cached = make_matcher(kind);
        for (const ObjectNo subscription : subscriptions_of_topic(turn, topic)) {
            if (const auto* config = turn.subscription(subscription)) {
                cached->add(subscription, config->spec);
            }
        }
    }
    return *cached;
}

std::vector<ObjectNo> matches_of(Turn& turn, ObjectNo topic, const model::MessageMeta& meta) {
    std::vector<ObjectNo> matches;
    matcher_of(turn, topic, turn.topic(topic)->attributes.filter).match(meta, matches);
    std::sort(matches.begin(), matches.end());
    matches.erase(std::unique(matches.begin(), matches.end()), matches.end());
    return matches;
}

std::optional<model::Refusal> check_receiver(Turn& turn,
                                             const model::Publish& command,
                                             const TopicConfig& config) {
    if (!command.want_receiver) return {};
    const auto& meta = turn.entry().bodies.at(command.first_ordinal).meta;
    if (!matches_of(turn, command.topic, meta).empty()) return {};
    if (subscriptions_of_topic(turn, command.topic).empty()) {
        return refuse(Reason::topic_without_subscription,
                      config.name,
                      "the topic has no subscription: create one before publishing");
    }
    return refuse(Reason::nothing_matched,
                  config.name,
                  "no subscription's filter matches the tags or routing key");
}

std::optional<model::Refusal> check_spec(Turn& turn, const model::SubscriptionSpec& spec) {
    const bool feeds_here = spec.sink == model::SinkKind::queue && turn.here(spec.queue);
    if (feeds_here && !turn.queue(spec.queue.number)) {
        return refuse(
            Reason::queue_not_found, spec.endpoint, "the subscriber queue does not exist");
    }
    if (spec.dead_letter.number.value == 0 || !turn.here(spec.dead_letter)) return {};
    const QueueConfig* dead_letter = turn.queue(spec.dead_letter.number);
    if (!dead_letter) {
        return refuse(Reason::dead_letter_not_found,
                      std::to_string(spec.dead_letter.number.value),
                      "the dead-letter queue does not exist");
    }
    if (dead_letter->attributes.dead_letter) {
        return refuse(Reason::dead_letter_nested,
                      dead_letter->name,
                      "a dead-letter queue cannot have a dead-letter queue itself");
    }
    if (dead_letter->attributes.transaction) return transactional_target(dead_letter->name);
    return {};
}

}  // namespace

model::Reply create_topic(Turn& turn, const model::CreateTopic& command) {
    if (turn.topic(command.topic)) return model::Done{};
    TopicConfig config;
    config.name = command.name;
    config.attributes = command.attributes;
    config.created_ms = turn.now();
    config.modified_ms = turn.now();
    turn.put_topic(command.topic, config);
    return model::Done{};
}

model::Reply set_topic(Turn& turn, const model::SetTopic& command) {
    const TopicConfig* config = turn.topic(command.topic);
    if (!config) return no_topic(command.topic);
    TopicConfig changed = *config;
    changed.attributes = command.attributes;
    changed.attributes.filter = config->attributes.filter;
    changed.modified_ms = turn.now();
    turn.put_topic(command.topic, changed);
    rearm_retention(turn, command.topic);
    return model::Done{};
}

model::Reply delete_topic(Turn& turn, const model::DeleteTopic& command) {
    const TopicConfig* config = turn.topic(command.topic);
    if (!config) return no_topic(command.topic);
    if (!subscriptions_of_topic(turn, command.topic).empty()) {
        return refuse(Reason::topic_has_subscriptions,
                      config->name,
                      "the topic has subscriptions: remove all of them first");
    }
    turn.erase_config('t', command.topic);
    turn.matchers().erase(command.topic);
    turn.erase_range(keys::prefix('k', command.topic), keys::prefix_end('k', command.topic));
    hide_log(turn, command.topic);
    return model::Done{};
}

std::optional<model::Refusal> refuse_publish(Turn& turn,
                                             const model::Publish& command,
                                             std::uint32_t count) {
    const TopicConfig* config = turn.topic(command.topic);
    if (!config) return no_topic(command.topic);
    if (auto refusal = check_bodies(
            turn, command.first_ordinal, command.count, config->attributes.message_bytes_max)) {
        return refusal;
    }
    if (auto refusal = check_receiver(turn, command, *config)) return refusal;
    return check_delay(turn, command.topic, config->name, count, command.delay_ms);
}

model::Reply publish(Turn& turn, const model::Publish& command) {
    if (auto repeated = repeated_send(turn, command.topic, command.dedup_key)) return *repeated;
    if (auto refusal = refuse_publish(turn, command, command.count)) return *refusal;
    model::Sent sent;
    for (std::uint32_t at = 0; at < command.count; ++at) {
        const std::uint32_t ordinal = command.first_ordinal + at;
        const MessageId message = own_message(turn, ordinal);
        const model::MessageMeta& meta = turn.entry().bodies.at(ordinal).meta;
        sent.ids.push_back(message);
        if (command.delay_ms > 0) {
            delay_message(turn, command.topic, message, meta, command.delay_ms);
        } else {
            publish_message(turn, command.topic, message, meta);
        }
    }
    if (command.delay_ms > 0) {
        arm_delay(turn, command.topic, sent.ids.front(), command.count, command.delay_ms);
    }
    remember_send(turn, command.topic, command.dedup_key, sent);
    return sent;
}

void publish_message(Turn& turn,
                     ObjectNo topic,
                     const MessageRef& message,
                     const model::MessageMeta& meta) {
    const MessageRef keyed{message.id, message.body, hash_of_key(meta.ordering_key)};
    const Sequence sequence = turn.append(topic, keyed);
    arm_retention(turn, topic);
    for (const ObjectNo subscription : matches_of(turn, topic, meta)) {
        const model::SubscriptionSpec& spec = turn.subscription(subscription)->spec;
        if (fed_directly(spec) && feed_now(turn, subscription, spec, keyed)) continue;
        if (!is_filtered(spec)) read_plainly(turn, subscription, sequence);
        if (turn.delivery(subscription).bitmapped) mark_matched(turn, subscription, sequence);
        turn.ready(subscription);
    }
}

model::Reply subscribe(Turn& turn, const model::Subscribe& command) {
    const TopicConfig* topic = turn.topic(command.topic);
    if (!topic) return no_topic(command.topic);
    if (turn.subscription(command.subscription)) return model::Done{};
    if (auto refusal = check_spec(turn, command.spec)) return *refusal;
    SubscriptionConfig config;
    config.topic = command.topic;
    config.name = command.name;
    config.spec = command.spec;
    config.spec.scripts = {};
    config.created_ms = turn.now();
    config.modified_ms = turn.now();
    for (const model::Script& script : command.scripts) {
        config.spec.scripts[static_cast<std::size_t>(script.role) - 1] =
            store_script(turn, command.subscription, script, 0);
    }
    turn.put_subscription(command.subscription, config);
    turn.put(keys::topic_subscription(command.topic, command.subscription), "");
    bind_dead_letter(turn, command.subscription, {}, command.spec.dead_letter);
    turn.delivery(command.subscription).cursor = turn.head(command.topic).end;
    turn.delivery(command.subscription).bitmapped = is_filtered(command.spec);
    turn.matchers().erase(command.topic);
    turn.changed(command.subscription);
    return model::Done{};
}

model::Reply set_subscription(Turn& turn, const model::SetSubscription& command) {
    const SubscriptionConfig* config = turn.subscription(command.subscription);
    if (!config) return no_subscription(command.subscription);
    if (auto refusal = check_spec(turn, command.spec)) return *refusal;
    SubscriptionConfig changed = *config;
    changed.spec = command.spec;
    changed.spec.scripts = config->spec.scripts;  // only a deployment changes them
    changed.modified_ms = turn.now();
    bind_dead_letter(
        turn, command.subscription, config->spec.dead_letter, command.spec.dead_letter);
    const ObjectNo topic = config->topic;
    turn.put_subscription(command.subscription, changed);
    turn.matchers().erase(topic);
    if (is_filtered(changed.spec)) begin_bitmaps(turn, command.subscription, turn.head(topic).end);
    turn.changed(command.subscription);
    turn.ready(command.subscription);
    return model::Done{};
}

model::Reply unsubscribe(Turn& turn, const model::Unsubscribe& command) {
    const SubscriptionConfig* config = turn.subscription(command.subscription);
    if (!config) return no_subscription(command.subscription);
    const ObjectNo topic = config->topic;
    bind_dead_letter(turn, command.subscription, config->spec.dead_letter, {});
    turn.erase_config('s', command.subscription);
    turn.erase(keys::topic_subscription(topic, command.subscription));
    turn.matchers().erase(topic);
    erase_function(turn, command.subscription);
    for (const char kind : {'m', 'f', 'r', 'v', 'j', 'K'}) {
        turn.erase_range(keys::prefix(kind, command.subscription),
                         keys::prefix_end(kind, command.subscription));
    }
    std::string value;
    Writer(value).varint(turn.delivery(command.subscription).generation);
    arm_timer(turn, turn.now(), TimerKind::cleanup, command.subscription, 0, std::move(value));
    turn.changed(command.subscription);
    return model::Done{};
}

model::Reply disable_subscription(Turn& turn, const model::DisableSubscription& command) {
    const SubscriptionConfig* config = turn.subscription(command.subscription);
    if (!config || config->spec.state != model::SubscriptionState::active) return model::Done{};
    SubscriptionConfig changed = *config;
    changed.spec.state = model::SubscriptionState::disabled;
    changed.spec.state_reason = command.reason;
    changed.modified_ms = turn.now();
    turn.put_subscription(command.subscription, changed);
    turn.changed(command.subscription);
    return model::Done{};
}

}  // namespace penstock::core
