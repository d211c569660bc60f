#include "plugins/native/views.h"

#include "broker/api/names.h"
#include "broker/base/base64.h"
#include "broker/base/instant.h"
#include "plugins/native/pace_fields.h"
#include "plugins/native/push_fields.h"
#include "plugins/native/sink_fields.h"

#include <boost/json.hpp>

#include <algorithm>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;

json::array list(const std::vector<std::string>& texts) {
    json::array out;
    for (const auto& text : texts) {
        out.emplace_back(text);
    }
    return out;
}

json::value show_dead_letter(const api::QueueView& queue) {
    if (queue.dead_letter_queue.empty() || !queue.attributes.dead_letter) return nullptr;
    const auto& policy = *queue.attributes.dead_letter;
    json::object out;
    out["queue"] = queue.dead_letter_queue;
    if (policy.kind == model::DeadLetterPolicy::Kind::receives) {
        out["max_receives"] = policy.max_receives;
    } else {
        out["time_to_live"] = policy.time_to_live_s;
    }
    return out;
}

}  // namespace

void put_text(json::object& out, std::string_view name, const std::string& text) {
    if (!text.empty()) out[name] = readable(text);
}

void put_meta(json::object& out, const model::MessageMeta& meta) {
    if (!meta.tags.empty()) out["tags"] = list(meta.tags);
    put_text(out, "key", meta.routing_key);
    put_text(out, "ordering_key", meta.ordering_key);
    put_text(out, "content_type", meta.content_type);
    if (meta.attributes.empty()) return;
    json::object attributes;
    for (const auto& [name, value] : meta.attributes) {
        attributes[name] = value;
    }
    out["attributes"] = std::move(attributes);
}

// A time of 0 means "never" everywhere in the api.
void put_time(json::object& out, std::string_view name, model::TimeMs time_ms) {
    if (time_ms != 0) out[name] = format_instant(time_ms);
}

std::string_view to_text(model::FilterKind filter) {
    return filter == model::FilterKind::tags ? "tags" : "key";
}

std::string_view to_text(model::SubscriptionState state) {
    switch (state) {
        case model::SubscriptionState::active:
            return "active";
        case model::SubscriptionState::paused:
            return "paused";
        case model::SubscriptionState::disabled:
            return "disabled";
    }
    return "unknown";
}

std::string_view to_text(model::RetryPolicy::Name name) {
    switch (name) {
        case model::RetryPolicy::Name::backoff:
            return "backoff";
        case model::RetryPolicy::Name::exponential:
            return "exponential";
        case model::RetryPolicy::Name::custom:
            return "custom";
        case model::RetryPolicy::Name::standard:
            return "standard";
    }
    return "unknown";
}

std::string readable(std::string_view text) {
    constexpr std::size_t cut_bytes_max = 3;
    for (std::size_t cut = 0; cut <= cut_bytes_max && cut <= text.size(); ++cut) {
        const std::string_view shorter = text.substr(0, text.size() - cut);
        if (api::valid_utf8(shorter)) return std::string(shorter);
    }
    std::string ascii(text);
    std::replace_if(
        ascii.begin(),
        ascii.end(),
        [](char byte) { return static_cast<unsigned char>(byte) >= 0x80; },
        '?');
    return ascii;
}

void put_body(json::object& out, std::string_view payload) {
    if (api::valid_utf8(payload)) {
        out["body"] = payload;
    } else {
        out["body_base64"] = encode_base64(payload);
    }
}

json::object show(const api::QueueView& queue) {
    json::object out;
    out["name"] = queue.name;
    out["visibility"] = queue.attributes.visibility_s;
    out["retention"] = queue.attributes.retention_s;
    out["rewind"] = queue.attributes.rewind_s;
    out["poll"] = queue.attributes.polling_wait_s;
    out["max_size"] = queue.attributes.message_bytes_max;
    out["max_messages"] = queue.attributes.messages_max;
    out["paused"] = queue.attributes.paused;
    out["ordered"] = queue.attributes.ordered;
    out["qps"] = queue.attributes.messages_per_s;
    out["automatic"] = queue.automatic_dead_letter;
    out["dead_letter"] = show_dead_letter(queue);
    if (const auto& policy = queue.attributes.transaction) {
        out["transaction"] = {{"first_query", policy->first_query_s},
                              {"queries", policy->queries_max}};
        out["transactions"] = {{"prepared", queue.prepared},
                               {"committed", queue.committed},
                               {"rolled_back", queue.rolled_back},
                               {"unconfirmed", queue.unconfirmed}};
    }
    json::object messages;
    messages["visible"] = queue.active;
    messages["in_flight"] = queue.inactive;
    messages["delayed"] = queue.delayed;
    if (queue.attributes.ordered) messages["behind"] = queue.parked;
    messages["rewindable"] = queue.rewindable;
    put_time(messages, "oldest_at", queue.oldest_ms);
    out["messages"] = std::move(messages);
    put_time(out, "created_at", queue.created_ms);
    put_time(out, "modified_at", queue.modified_ms);
    return out;
}

json::object show(const api::TopicView& topic) {
    json::object out;
    out["name"] = topic.name;
    out["match"] = to_text(topic.attributes.filter);
    out["retention"] = topic.attributes.retention_s;
    out["max_size"] = topic.attributes.message_bytes_max;
    out["qps"] = topic.attributes.messages_per_s;
    out["messages"] = topic.messages;
    out["subscriptions"] = topic.subscriptions;
    put_time(out, "created_at", topic.created_ms);
    put_time(out, "modified_at", topic.modified_ms);
    return out;
}

json::object show(const model::RetryPolicy& policy) {
    json::array steps;
    for (const auto& step : policy.steps) {
        json::object shown;
        shown["min_ms"] = step.min_ms;
        shown["max_ms"] = step.max_ms;
        shown["times"] = step.times;
        steps.emplace_back(std::move(shown));
    }
    json::object out;
    out["name"] = to_text(policy.name);
    out["keeps_order"] = policy.keeps_order;
    out["steps"] = std::move(steps);
    return out;
}

json::object show(const api::SubscriptionView& subscription) {
    const auto& spec = subscription.spec;
    json::object out;
    out["topic"] = subscription.topic;
    out["name"] = subscription.name;
    put_sink(out, spec);
    out["tags"] = list(spec.filter_tags);
    out["bind"] = list(spec.binding_keys);
    out["format"] = model::to_text(spec.format);
    put_push(out, spec.push);
    out["retry"] = show(spec.retry);
    out["dead_letter"] = subscription.dead_letter_queue.empty()
                             ? json::value(nullptr)
                             : json::value(subscription.dead_letter_queue);
    out["concurrency"] = spec.concurrency;
    out["timeout_ms"] = spec.timeout_ms;
    out["state"] = to_text(spec.state);
    put_text(out, "state_reason", spec.state_reason);
    out["push"] = show(spec.pace);
    out["health"] = show(subscription.health);
    out["backlog"] = subscription.backlog;
    out["waiting"] = subscription.waiting;
    out["dropped"] = subscription.dropped;
    out["discarded"] = subscription.discarded;
    put_time(out, "created_at", subscription.created_ms);
    put_time(out, "modified_at", subscription.modified_ms);
    return out;
}

json::object show(const api::ReceivedMessage& message) {
    json::object out;
    out["id"] = model::to_text(message.id);
    out["receipt"] = model::to_text(message.receipt);
    put_body(out, message.payload);
    put_meta(out, message.meta);
    out["receives"] = message.receives;
    put_time(out, "enqueued_at", message.enqueued_ms);
    put_time(out, "first_received_at", message.first_received_ms);
    put_time(out, "next_visible_at", message.next_visible_ms);
    return out;
}

json::object show(const api::DeliveryView& delivery) {
    json::object out;
    out["message"] = model::to_text(delivery.id);
    out["subscription"] = delivery.topic + "/" + delivery.subscription;
    out["status"] = delivery.status;
    out["attempt"] = delivery.attempt;
    put_time(out, "at", delivery.at_ms);
    put_time(out, "due_at", delivery.due_ms);
    out["latency_us"] = delivery.latency_us;
    if (delivery.http_status != 0) out["http_status"] = delivery.http_status;
    put_text(out, "reason", delivery.reason);
    put_text(out, "why", delivery.why);
    put_text(out, "target", delivery.target);
    put_text(out, "excerpt", delivery.excerpt);
    put_text(out, "log", delivery.log);
    if (delivery.version != 0) out["version"] = delivery.version;
    return out;
}

json::object show(const api::MessageTrack& track) {
    json::array places;
    for (const auto& place : track.places) {
        json::object shown;
        shown["kind"] = place.kind;
        shown["object"] = place.object;
        shown["state"] = place.state;
        shown["count"] = place.count;
        put_time(shown, "due_at", place.due_ms);
        json::array attempts;
        for (const auto& attempt : place.attempts) {
            attempts.emplace_back(show(attempt));
        }
        shown["attempts"] = std::move(attempts);
        places.emplace_back(std::move(shown));
    }
    json::object out;
    out["id"] = model::to_text(track.id);
    put_text(out, "sent_to", track.sent_to);
    put_time(out, "sent_at", track.sent_ms);
    out["size"] = track.payload_bytes;
    out["log_index"] = track.log_index;
    put_meta(out, track.meta);
    out["places"] = std::move(places);
    return out;
}

json::object show(const api::ServerStatus& status) {
    json::object out;
    out["ready"] = status.ready;
    out["version"] = status.version;
    out["data_folder"] = status.data_folder;
    put_time(out, "started_at", status.started_ms);
    out["dev"] = status.dev;
    out["space"] = status.space;
    out["log_bytes"] = status.log_bytes;
    out["log_segments"] = status.log_segments;
    out["live_bodies"] = status.live_bodies;
    out["damaged_records"] = status.damaged_records;
    out["quarantined"] = status.quarantined;
    out["rows_bytes"] = status.rows_bytes;
    out["applied"] = status.applied;
    out["queues"] = status.queues;
    out["topics"] = status.topics;
    out["subscriptions"] = status.subscriptions;
    out["waiters"] = status.waiters;
    return out;
}

}  // namespace penstock::plugins::native
