#include "broker/cli/state/desired.h"

#include "broker/cli/arguments.h"
#include "broker/cli/sink_flags.h"
#include "broker/config/quantity.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

using Read = boost::system::result<void, Failure>;

constexpr std::array<std::string_view, 6> members_in_seconds = {
    "visibility", "retention", "rewind", "poll", "time_to_live", "first_query"};
constexpr std::array<std::string_view, 2> stages = {"filter", "transform"};

Failure wrong(const std::string& where, const std::string& what) {
    return usage_failure(where + " " + what, "'penstock export' prints the form.");
}

std::optional<std::uint64_t> seconds_of(std::string_view text) {
    return parse_seconds(text);
}

std::optional<std::uint64_t> mebibytes_of(std::string_view text) {
    const auto bytes = config::parse_size_bytes(text);
    if (!bytes) return std::nullopt;
    return *bytes >> 20U;
}

// How a text at this member becomes the number /v1 wants; nothing: it stays a text.
using Quantity = std::optional<std::uint64_t> (*)(std::string_view);

Quantity quantity_of(std::string_view member) {
    const bool in_seconds =
        std::find(members_in_seconds.begin(), members_in_seconds.end(), member) !=
        members_in_seconds.end();
    if (in_seconds) return seconds_of;
    if (member.ends_with("_ms")) return config::parse_duration_ms;
    if (member.ends_with("_mib")) return mebibytes_of;
    if (member == "max_size" || member.ends_with("_bytes")) return config::parse_size_bytes;
    return nullptr;
}

Read read_quantities(json::object& members, const std::string& where) {
    for (auto& [name, value] : members) {
        const std::string place = where + ", " + std::string(name) + ":";
        if (value.is_object()) {
            if (auto read = read_quantities(value.get_object(), where); !read) return read;
        }
        const Quantity quantity = quantity_of(name);
        if (quantity == nullptr || !value.is_string()) continue;
        const auto number = quantity(value.get_string());
        if (!number) {
            return wrong(place,
                         "'" + std::string(value.get_string()) +
                             "' is no duration or size such as 30s, 4d or 64KiB.");
        }
        value = *number;
    }
    return {};
}

Read read_retry(json::object& members, const std::string& where) {
    const auto* retry = members.if_contains("retry");
    if (retry == nullptr || !retry->is_string()) return {};
    auto parsed = parse_retry(retry->get_string());
    if (!parsed) return wrong(where + ", retry:", parsed.error().what);
    members["retry"] = std::move(*parsed);
    return {};
}

boost::system::result<std::string, Failure> file_at(const std::string& folder,
                                                    const json::value& file) {
    if (!file.is_string()) return wrong("file", "is no text.");
    const std::filesystem::path path =
        std::filesystem::path(folder) / std::string(file.get_string());
    return read_file(path.string());
}

// `lua = { file = "x.lua" }` and `filter_lua = { file = "x.lua" }` name files beside the document.
Read read_scripts(json::object& members, const std::string& folder) {
    if (auto* lua = members.if_contains("lua"); lua != nullptr && lua->is_object()) {
        json::object& handler = lua->get_object();
        const auto* file = handler.if_contains("file");
        if (file != nullptr && !handler.contains("code")) {
            auto code = file_at(folder, *file);
            if (!code) return code.error();
            handler["file"] = script_file_name(std::string(file->get_string()));
            handler["code"] = std::move(*code);
        }
    }
    for (const std::string_view stage : stages) {
        const std::string member = std::string(stage) + "_lua";
        auto* script = members.if_contains(member);
        if (script == nullptr || !script->is_object()) continue;
        const auto* file = script->get_object().if_contains("file");
        if (file == nullptr) return wrong(member, "has no file.");
        auto code = file_at(folder, *file);
        if (!code) return code.error();
        members[std::string(stage) + "_file"] = script_file_name(std::string(file->get_string()));
        members[member] = std::move(*code);
    }
    return {};
}

// `tls = { ca_file = "ca.pem", client_cert_file = "me.pem", client_key_file = "me.key" }` likewise.
Read read_certificates(json::object& members, const std::string& folder) {
    constexpr std::array<std::string_view, 3> parts = {"ca", "client_cert", "client_key"};
    auto* tls = members.if_contains("tls");
    if (tls == nullptr || !tls->is_object()) return {};
    json::object& given = tls->get_object();
    for (const std::string_view part : parts) {
        const std::string named = std::string(part) + "_file";
        const auto* file = given.if_contains(named);
        if (file == nullptr) continue;
        auto pem = file_at(folder, *file);
        if (!pem) return pem.error();
        given[part] = std::move(*pem);
        given.erase(named);
    }
    return {};
}

Read read_members(Resource& resource, const std::string& folder) {
    const std::string where = to_text(resource.kind) + " " + resource.name;
    if (auto read = read_quantities(resource.members, where); !read) return read;
    if (auto read = read_retry(resource.members, where); !read) return read;
    const auto* dead_letter = resource.members.if_contains("dead_letter");
    if (dead_letter != nullptr && *dead_letter == "none") resource.members["dead_letter"] = nullptr;
    if (auto read = read_certificates(resource.members, folder); !read) return read;
    return read_scripts(resource.members, folder);
}

using Tables = boost::system::result<std::vector<std::pair<std::string, json::object>>, Failure>;

// The tables in `parent`'s member, by name.
Tables tables_of(const json::object& parent, const std::string& member) {
    std::vector<std::pair<std::string, json::object>> tables;
    const auto* all = parent.if_contains(member);
    if (all == nullptr) return tables;
    if (!all->is_object()) return wrong("'" + member + "'", "is no table of " + member + ".");
    for (const auto& [name, value] : all->get_object()) {
        if (!value.is_object()) return wrong(member + "." + std::string(name), "is no table.");
        tables.emplace_back(name, value.get_object());
    }
    std::sort(tables.begin(), tables.end(), [](const auto& one, const auto& other) {
        return one.first < other.first;
    });
    return tables;
}

// The queue this one's dead letters go to; empty: none.
std::string dead_letter_of(const Resource& queue) {
    const auto* policy = queue.members.if_contains("dead_letter");
    if (policy == nullptr || !policy->is_object()) return {};
    const auto* name = policy->get_object().if_contains("queue");
    return name != nullptr && name->is_string() ? std::string(name->get_string()) : std::string();
}

}  // namespace

std::string to_text(Kind kind) {
    switch (kind) {
        case Kind::queue:
            return "queue";
        case Kind::topic:
            return "topic";
        case Kind::subscription:
            return "subscription";
    }
    return {};
}

std::vector<Resource> in_order_of_making(const std::vector<Resource>& queues) {
    std::map<std::string, const Resource*> by_name;
    for (const Resource& queue : queues) by_name[queue.name] = &queue;
    std::set<std::string> placed;
    std::vector<Resource> ordered;
    for (const Resource& queue : queues) {
        std::vector<const Resource*> chain;
        for (const Resource* at = &queue; at != nullptr && placed.insert(at->name).second;) {
            chain.push_back(at);
            const auto next = by_name.find(dead_letter_of(*at));
            at = next == by_name.end() ? nullptr : next->second;
        }
        for (auto at = chain.rbegin(); at != chain.rend(); ++at) ordered.push_back(**at);
    }
    return ordered;
}

boost::system::result<std::vector<Resource>, Failure> read_desired(const json::object& document,
                                                                   const std::string& folder) {
    for (const auto& [name, value] : document) {
        if (name == "queues" || name == "topics") continue;
        return wrong("'" + std::string(name) + "'",
                     "is not known: a document has queues and topics.");
    }
    const auto queue_tables = tables_of(document, "queues");
    if (!queue_tables) return queue_tables.error();
    const auto topic_tables = tables_of(document, "topics");
    if (!topic_tables) return topic_tables.error();
    std::vector<Resource> queues;
    for (const auto& [name, members] : *queue_tables)
        queues.push_back({Kind::queue, name, members});
    std::vector<Resource> topics;
    std::vector<Resource> subscriptions;
    for (auto [name, members] : *topic_tables) {
        const auto of_topic = tables_of(members, "subscriptions");
        if (!of_topic) return of_topic.error();
        members.erase("subscriptions");
        topics.push_back({Kind::topic, name, members});
        for (const auto& [short_name, wanted] : *of_topic) {
            subscriptions.push_back({Kind::subscription, name + "/" + short_name, wanted});
        }
    }
    for (auto* all : {&queues, &topics, &subscriptions}) {
        for (Resource& resource : *all) {
            if (auto read = read_members(resource, folder); !read) return read.error();
        }
    }
    std::vector<Resource> desired = in_order_of_making(queues);
    desired.insert(desired.end(), topics.begin(), topics.end());
    desired.insert(desired.end(), subscriptions.begin(), subscriptions.end());
    return desired;
}

}  // namespace penstock::cli
