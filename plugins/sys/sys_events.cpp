#include "plugins/sys/sys_events.h"

#include <boost/json.hpp>

#include <algorithm>

namespace penstock::plugins::sys {

namespace {

constexpr std::string_view letters_suffix = ".dlq";

std::uint64_t whole(double value) {
    return static_cast<std::uint64_t>(std::max(value, 0.0));
}

const std::string* value_of(const model::MetricSample& sample, std::string_view label) {
    for (const auto& [name, value] : sample.labels) {
        if (name == label) return &value;
    }
    return nullptr;
}

// "dead_letters" of "penstock.dead_letters.arrived": short enough for a tag.
std::string kind_of(const std::string& type) {
    const std::size_t begin = type.find('.') + 1;
    return type.substr(begin, type.find('.', begin) - begin);
}

double before_of(const std::map<std::string, double, std::less<>>& before,
                 const std::string& label) {
    const auto found = before.find(label);
    return found == before.end() ? 0 : found->second;
}

}  // namespace

std::pair<Looked::Figures, Looked::Figures> Looked::both(const model::Metrics& metrics,
                                                         std::string_view name,
                                                         std::string_view label) {
    Figures now;
    for (const model::MetricFamily& family : metrics.families()) {
        if (family.name != name) continue;
        for (const model::MetricSample& sample : family.samples) {
            const std::string* value = value_of(sample, label);
            now[value != nullptr ? *value : std::string()] += sample.value;
        }
    }
    Figures before = std::exchange(before_[std::string(name)], now);
    return {std::move(now), std::move(before)};
}

void Looked::look_at_objects(const model::Metrics& metrics, std::vector<SysEvent>& events) {
    const auto [depth, depth_before] = both(metrics, "penstock_queue_depth", "queue");
    for (const auto& [queue, letters] : depth) {
        const double more = letters - before_of(depth_before, queue);
        if (!queue.ends_with(letters_suffix) || more <= 0) continue;
        events.push_back({"penstock.dead_letters.arrived",
                          queue,
                          {{"new", whole(more)}, {"letters", whole(letters)}}});
    }
    const auto late = [&](std::string_view name, std::string_view label, const std::string& type) {
        const auto [age, age_before] = both(metrics, name, label);
        for (const auto& [object, seconds] : age) {
            const bool is_late = seconds >= late_after_s;
            if (object.ends_with(letters_suffix)) continue;  // they are there to be kept
            if (is_late == (before_of(age_before, object) >= late_after_s)) continue;
            events.push_back({type + (is_late ? ".late" : ".in_time"),
                              object,
                              {{"oldest_age_seconds", whole(seconds)}}});
        }
    };
    late("penstock_queue_oldest_age_seconds", "queue", "penstock.queue");
    late("penstock_subscription_oldest_age_seconds", "subscription", "penstock.subscription");
    const auto [active, active_before] =
        both(metrics, "penstock_subscription_active", "subscription");
    for (const auto& [subscription, is_active] : active) {
        const auto known = active_before.find(subscription);
        if (known == active_before.end() || known->second == is_active) continue;
        events.push_back(
            {is_active > 0 ? "penstock.subscription.resumed" : "penstock.subscription.stopped",
             subscription,
             {}});
    }
}

void Looked::look_at_server(const model::Metrics& metrics, std::vector<SysEvent>& events) {
    const auto [leading, leading_before] = both(metrics, "penstock_set_leading", "set");
    for (const auto& [set, leads] : leading) {
        if (leads == before_of(leading_before, set)) continue;
        events.push_back(
            {leads > 0 ? "penstock.set.led_here" : "penstock.set.led_elsewhere", set, {}});
    }
    const auto [shortage, shortage_before] = both(metrics, "penstock_log_below_reserve", "");
    if (before_of(shortage, "") != before_of(shortage_before, "")) {
        events.push_back(
            {before_of(shortage, "") > 0 ? "penstock.disk.full" : "penstock.disk.has_space",
             "",
             {}});
    }
    const auto risen = [&](const char* name, const char* type) {
        const auto [now, before] = both(metrics, name, "");
        const double more = before_of(now, "") - before_of(before, "");
        if (more > 0) events.push_back({type, "", {{"new", whole(more)}}});
    };
    risen("penstock_function_processes_crashed", "penstock.function.crashed");
    risen("penstock_messages_quarantined", "penstock.message.damaged");
    risen("penstock_replica_fallbacks", "penstock.replica.behind");
}

std::vector<SysEvent> Looked::look(const model::Metrics& metrics) {
    std::vector<SysEvent> events;
    look_at_server(metrics, events);
    look_at_objects(metrics, events);
    // What becomes of events is none: telling of it would go on for ever.
    std::erase_if(events, [](const SysEvent& event) {
        return event.subject.starts_with("sys/") || event.subject.starts_with("sys.");
    });
    // What was so before the server started is no news.
    if (std::exchange(first_, false)) events = {{"penstock.server.started", "", {}}};
    if (events.size() > events_per_look_max) events.resize(events_per_look_max);
    return events;
}

model::NewMessage message_of(const SysEvent& event, const std::string& source) {
    model::NewMessage message;
    message.meta.tags = {kind_of(event.type)};
    message.meta.content_type = "application/json";
    message.meta.attributes = {{"ce-type", event.type}, {"ce-source", source}};
    boost::json::object body;
    body["type"] = event.type;
    if (!event.subject.empty()) {
        message.meta.attributes.emplace_back("ce-subject", event.subject);
        body["subject"] = event.subject;
    }
    for (const auto& [name, number] : event.numbers) body[name] = number;
    message.payload = boost::json::serialize(body);
    return message;
}

}  // namespace penstock::plugins::sys
