// What there is as a document: see plan.h.
#include "broker/cli/output.h"
#include "broker/cli/state/plan.h"
#include "broker/config/quantity.h"

#include <boost/json.hpp>

#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

const std::set<std::string> in_seconds = {
    "visibility", "retention", "rewind", "poll", "time_to_live", "first_query"};
constexpr std::uint64_t ms_per_s = 1'000;

void write_quantities(json::object& members) {
    for (auto& [name, value] : members) {
        if (value.is_object()) write_quantities(value.get_object());
        if (!value.is_number()) continue;
        const auto number = value.to_number<std::uint64_t>();
        if (in_seconds.contains(std::string(name))) {
            value = config::format_duration_ms(number * ms_per_s);
        } else if (name == "max_size") {
            value = config::format_size_bytes(number);
        }
    }
}

// What a new one may have of what is shown; empty lists and nulls say nothing, secrets are masked.
json::object kept(const json::object& shown, const Members& known) {
    json::object members;
    for (const auto& [name, value] : shown) {
        if (name == "name" || !known.of_new.contains(std::string(name)) || value.is_null())
            continue;
        if (value.is_array() && value.get_array().empty()) continue;
        if (holds_secret(name, value)) continue;
        members[name] = value;
    }
    write_quantities(members);
    return members;
}

void put_script(json::object& members, const json::object& script) {
    const std::string role(script.at("role").get_string());
    const auto* file = script.if_contains("file");
    if (role == "handler") {
        auto* lua = members.if_contains("lua");
        if (lua == nullptr || !lua->is_object()) return;
        lua->get_object().erase("version");
        lua->get_object()["code"] = script.at("code");
        if (file != nullptr) lua->get_object()["file"] = *file;
        return;
    }
    members[role + "_lua"] = script.at("code");
    if (file != nullptr) members[role + "_file"] = *file;
}

json::object kept_subscription(const std::string& name,
                               const json::object& shown,
                               const Members& known) {
    json::object members = kept(shown, known);
    for (const char* stage : {"filter_lua", "transform_lua"}) members.erase(stage);
    if (const auto* scripts = shown.if_contains("scripts")) {
        for (const json::value& script : scripts->get_array()) {
            put_script(members, script.get_object());
        }
    }
    const std::string automatic =
        name.substr(0, name.find('/')) + "." + name.substr(name.find('/') + 1) + ".dlq";
    const auto* dead_letter = shown.if_contains("dead_letter");
    if (dead_letter == nullptr || dead_letter->is_null()) {
        members["dead_letter"] = "none";
    } else if (at_path(shown, "dead_letter") == automatic) {
        members.erase("dead_letter");
    }
    const auto* state = shown.if_contains("state");
    if (state != nullptr && *state == "paused") members["paused"] = true;
    return members;
}

}  // namespace

json::object describe(const Actual& actual, const Vocabulary& vocabulary) {
    json::object queues;
    for (const auto& [name, shown] : actual.queues) {
        queues[name] = kept(shown, vocabulary.at(Kind::queue));
    }
    json::object topics;
    for (const auto& [name, shown] : actual.topics) {
        topics[name] = kept(shown, vocabulary.at(Kind::topic));
        topics[name].get_object().erase("subscriptions");
    }
    for (const auto& [name, shown] : actual.subscriptions) {
        const auto slash = name.find('/');
        json::object& topic = topics[name.substr(0, slash)].get_object();
        if (!topic.contains("subscriptions")) topic["subscriptions"] = json::object();
        topic["subscriptions"].get_object()[name.substr(slash + 1)] =
            kept_subscription(name, shown, vocabulary.at(Kind::subscription));
    }
    json::object document;
    if (!queues.empty()) document["queues"] = std::move(queues);
    if (!topics.empty()) document["topics"] = std::move(topics);
    return document;
}

}  // namespace penstock::cli
