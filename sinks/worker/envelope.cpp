#include "sinks/worker/envelope.h"

#include "broker/base/instant.h"
#include "broker/model/trace_context.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <set>
#include <string_view>
#include <utility>

namespace penstock::sinks::worker {
namespace {

constexpr std::array<const char*, 4> inherited_names{"PATH", "LANG", "TZ", "HOME"};
constexpr std::string_view usual_path = "PATH=/usr/local/bin:/usr/bin:/bin";

// A variable ends at its first zero byte; none is let in.
std::string variable(std::string_view name, std::string_view value) {
    std::string text(name);
    text += '=';
    text += value;
    std::replace(text.begin(), text.end(), '\0', ' ');
    return text;
}

std::string header_name(std::string_view attribute) {
    std::string name = "PENSTOCK_HEADER_";
    for (const char letter : attribute) {
        const auto byte = static_cast<unsigned char>(letter);
        const bool plain = byte < 0x80 && std::isalnum(byte) != 0;
        name.push_back(plain ? static_cast<char>(std::toupper(byte)) : '_');
    }
    return name;
}

std::string joined(const std::vector<std::string>& tags) {
    std::string text;
    for (const std::string& tag : tags) {
        if (!text.empty()) text += ',';
        text += tag;
    }
    return text;
}

}  // namespace

Event make_event(const api::Target& target, const api::Delivery& delivery) {
    Event event;
    event.id = model::to_text(delivery.message);
    event.topic = target.topic;
    event.subscription = target.name;
    event.tags = delivery.meta.tags;
    event.routing_key = delivery.meta.routing_key;
    event.ordering_key = delivery.meta.ordering_key;
    event.attempt = delivery.attempt;
    event.published_ms = delivery.published_ms;
    event.headers = delivery.meta.attributes;
    event.content_type = delivery.meta.content_type;
    event.body = delivery.payload;
    if (delivery.replay != 0) event.replay = std::to_string(delivery.replay);
    return event;
}

std::vector<std::string> subscription_environment(const api::Target& target) {
    return {variable("PENSTOCK_TOPIC", target.topic),
            variable("PENSTOCK_SUBSCRIPTION", target.name)};
}

std::vector<std::string> message_environment(const api::Target& target,
                                             const api::Delivery& delivery,
                                             std::int64_t deadline_ms) {
    std::vector<std::string> all = subscription_environment(target);
    all.push_back(variable("PENSTOCK_MESSAGE_ID", model::to_text(delivery.message)));
    all.push_back(variable("PENSTOCK_TAGS", joined(delivery.meta.tags)));
    all.push_back(variable("PENSTOCK_ROUTING_KEY", delivery.meta.routing_key));
    all.push_back(variable("PENSTOCK_ORDERING_KEY", delivery.meta.ordering_key));
    all.push_back(variable("PENSTOCK_PUBLISH_TIME", format_instant(delivery.published_ms)));
    all.push_back(variable("PENSTOCK_ATTEMPT", std::to_string(delivery.attempt)));
    if (delivery.replay != 0) {
        all.push_back(variable("PENSTOCK_REPLAY", std::to_string(delivery.replay)));
    }
    all.push_back(variable("PENSTOCK_DEADLINE_MS", std::to_string(deadline_ms)));
    all.push_back(variable("PENSTOCK_CONTENT_TYPE", delivery.meta.content_type));
    const std::string traceparent = model::traceparent_of(delivery.meta);
    if (!traceparent.empty()) {
        all.push_back(variable("TRACEPARENT", traceparent));
        const std::string_view state = model::tracestate_of(delivery.meta);
        if (!state.empty()) all.push_back(variable("TRACESTATE", std::string(state)));
    }
    std::size_t bytes = 0;
    for (const std::string& one : all) bytes += one.size() + 1;
    std::set<std::string> names;
    for (const auto& [attribute, value] : delivery.meta.attributes) {
        std::string name = header_name(attribute);
        if (!names.insert(name).second) continue;
        std::string one = variable(name, value);
        if (bytes + one.size() + 1 > environment_bytes_max) continue;
        bytes += one.size() + 1;
        all.push_back(std::move(one));
    }
    return all;
}

std::vector<std::string> inherited_environment() {
    std::vector<std::string> all;
    for (const char* name : inherited_names) {
        if (const char* value = std::getenv(name)) all.push_back(variable(name, value));
    }
    const bool has_path = std::any_of(
        all.begin(), all.end(), [](const std::string& one) { return one.starts_with("PATH="); });
    if (!has_path) all.emplace_back(usual_path);
    return all;
}

}  // namespace penstock::sinks::worker
