#include "plugins/native/event_views.h"

#include "broker/base/hash.h"
#include "plugins/native/views.h"

#include <boost/json/serialize.hpp>

#include <utility>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;

// What a label with this value adds up to over all sets.
using Sums = std::map<std::string, double, std::less<>>;

const model::MetricFamily* family_of(const model::Metrics& metrics, std::string_view name) {
    for (const auto& family : metrics.families()) {
        if (family.name == name) return &family;
    }
    return nullptr;
}

Sums sums_of(const model::Metrics& metrics, std::string_view name, std::string_view label) {
    Sums sums;
    const auto* family = family_of(metrics, name);
    if (family == nullptr) return sums;
    for (const auto& sample : family->samples) {
        std::string value;
        for (const auto& [key, text] : sample.labels) {
            if (key == label) value = text;
        }
        sums[value] += sample.value;
    }
    return sums;
}

std::uint64_t sum_of(const model::Metrics& metrics, std::string_view name) {
    double sum = 0;
    for (const auto& [value, part] : sums_of(metrics, name, {})) sum += part;
    return static_cast<std::uint64_t>(sum);
}

json::object by_label(const model::Metrics& metrics,
                      std::string_view name,
                      std::string_view label) {
    json::object out;
    for (const auto& [value, sum] : sums_of(metrics, name, label)) {
        out[value] = static_cast<std::uint64_t>(sum);
    }
    return out;
}

json::object syncs_of(const model::Metrics& metrics) {
    json::object out;
    const auto* family = family_of(metrics, "penstock_log_sync_seconds");
    if (family == nullptr || family->samples.empty()) return out;
    const model::Latencies& latencies = family->samples.front().latencies;
    out["count"] = latencies.count();
    out["sum_us"] = static_cast<std::uint64_t>(latencies.sum_seconds() * 1e6);
    json::array within;
    for (std::size_t at = 0; at < model::Latencies::bounds_us.size(); ++at) {
        within.emplace_back(latencies.count_within(at));
    }
    out["within"] = std::move(within);
    return out;
}

std::string attempt_key(const api::DeliveryView& attempt) {
    return model::to_text(attempt.id) + "/" + attempt.topic + "/" + attempt.subscription + "/" +
           std::to_string(attempt.attempt) + "/" + std::to_string(attempt.at_ms);
}

}  // namespace

std::string event_text(std::string_view name, const json::object& data) {
    std::string out = "event: ";
    out.append(name).append("\ndata: ").append(json::serialize(data)).append("\n\n");
    return out;
}

json::object figures_event(const model::Metrics& metrics, model::TimeMs now_ms) {
    const std::pair<const char*, const char*> shown[] = {
        {"sent", "penstock_messages_sent"},
        {"published", "penstock_messages_published"},
        {"received", "penstock_messages_received"},
        {"deleted", "penstock_messages_deleted"},
        {"refused", "penstock_commands_refused"},
        {"calls", "penstock_calls"},
        {"long_polls", "penstock_long_polls"},
        {"commands_waiting", "penstock_set_commands_waiting"},
        {"log_bytes", "penstock_log_bytes"},
        {"below_reserve", "penstock_log_below_reserve"},
    };
    json::object out;
    put_time(out, "at", now_ms);
    for (const auto& [field, name] : shown) out[field] = sum_of(metrics, name);
    out["attempts"] = by_label(metrics, "penstock_delivery_attempts", "verdict");
    out["objects"] = by_label(metrics, "penstock_objects", "kind");
    out["queue_messages"] = by_label(metrics, "penstock_queue_messages", "state");
    out["syncs"] = syncs_of(metrics);
    return out;
}

json::object brief(const api::QueueView& queue) {
    json::object out;
    out["name"] = queue.name;
    out["automatic"] = queue.automatic_dead_letter;
    out["paused"] = queue.attributes.paused;
    out["visible"] = queue.active;
    out["in_flight"] = queue.inactive;
    out["delayed"] = queue.delayed;
    put_time(out, "oldest_at", queue.oldest_ms);
    return out;
}

json::object brief(const api::TopicView& topic) {
    json::object out;
    out["name"] = topic.name;
    out["messages"] = topic.messages;
    out["subscriptions"] = topic.subscriptions;
    return out;
}

json::object brief(const api::SubscriptionView& subscription) {
    json::object out;
    out["topic"] = subscription.topic;
    out["name"] = subscription.name;
    out["state"] = to_text(subscription.spec.state);
    if (!subscription.spec.state_reason.empty()) {
        out["state_reason"] = readable(subscription.spec.state_reason);
    }
    out["backlog"] = subscription.backlog;
    out["waiting"] = subscription.waiting;
    out["dropped"] = subscription.dropped;
    out["discarded"] = subscription.discarded;
    return out;
}

void Told::tell(const std::string& name, json::object object, json::array& changes) {
    const std::uint64_t hash = hash64(json::serialize(object));
    seen_.insert(name);
    const auto [at, added] = known_.try_emplace(name, hash);
    if (!added && at->second == hash) return;
    at->second = hash;
    changes.emplace_back(std::move(object));
}

void Told::end(json::array& gone) {
    for (auto at = known_.begin(); at != known_.end();) {
        if (seen_.contains(at->first)) {
            ++at;
            continue;
        }
        gone.emplace_back(at->first);
        at = known_.erase(at);
    }
}

std::vector<api::DeliveryView> NewAttempts::of(std::vector<api::DeliveryView> page) {
    std::set<std::string> now;
    std::vector<api::DeliveryView> fresh;
    for (auto& attempt : page) {
        std::string key = attempt_key(attempt);
        if (!known_.contains(key)) fresh.push_back(std::move(attempt));
        now.insert(std::move(key));
    }
    known_ = std::move(now);
    return fresh;
}

}  // namespace penstock::plugins::native
