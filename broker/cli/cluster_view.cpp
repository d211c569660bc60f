#include "broker/cli/cluster_view.h"

#include <boost/json.hpp>

#include <cstdint>
#include <set>
#include <string_view>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::string_view unknown = "?";

const json::array& list_in(const json::object& object, std::string_view name) {
    static const json::array none;
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_array() ? value->get_array() : none;
}

std::uint64_t number_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr) return 0;
    if (value->is_uint64()) return value->get_uint64();
    return value->is_int64() ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

bool is_set(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

// Entries that are committed and not there yet.
std::string lag_of(const json::object& replica, std::uint64_t committed) {
    const std::uint64_t match = number_in(replica, "match");
    if (match == 0) return std::string(unknown);
    return std::to_string(committed > match ? committed - match : 0);
}

void add_word(std::string& words, const std::string& word) {
    if (!words.empty()) words += " ";
    words += word;
}

}  // namespace

const Columns cluster_node_columns = {{"NODE", "id"},
                                      {"CONNECTED", "connected"},
                                      {"HTTP", "http_address"},
                                      {"PEER", "peer_address"},
                                      {"ZONE", "zone"},
                                      {"SETS", "sets"},
                                      {"STATE", "state"},
                                      {"PROBLEM", "problem"}};
const Columns cluster_set_columns = {{"SET", "set"},
                                     {"LEADER", "leader"},
                                     {"TERM", "term"},
                                     {"REPLICAS", "replicas"},
                                     {"LAG", "lag"},
                                     {"IN SYNC", "in_sync"},
                                     {"COMMITTED", "committed"},
                                     {"OBJECTS", "objects"}};

json::array node_rows(const json::object& cluster) {
    json::array rows;
    for (const auto& item : list_in(cluster, "nodes")) {
        if (!item.is_object()) continue;
        json::object row = item.get_object();
        row["connected"] = is_set(row, "connected") ? "yes" : "no";
        if (number_in(row, "id") == number_in(cluster, "node")) row["connected"] = "asked";
        row["state"] = is_set(row, "leaving") ? "leaving" : "member";
        rows.push_back(std::move(row));
    }
    return rows;
}

// Where the members are not yet those that are wanted: what they are to be.
std::string target_of(const json::object& set) {
    std::set<std::uint64_t> members;
    for (const auto& value : list_in(set, "replicas")) {
        if (value.is_object()) members.insert(number_in(value.get_object(), "node"));
    }
    std::string words;
    std::set<std::uint64_t> wanted;
    for (const auto& value : list_in(set, "wanted")) {
        if (!value.is_number()) continue;
        wanted.insert(value.to_number<std::uint64_t>());
        add_word(words, std::to_string(value.to_number<std::uint64_t>()));
    }
    return wanted.empty() || members == wanted ? std::string() : " -> " + words;
}

json::array set_rows(const json::object& cluster) {
    json::array rows;
    for (const auto& item : list_in(cluster, "sets")) {
        if (!item.is_object()) continue;
        json::object row = item.get_object();
        const std::uint64_t committed = number_in(row, "committed");
        std::string replicas;
        std::string lag;
        std::string in_sync;
        for (const auto& value : list_in(item.get_object(), "replicas")) {
            if (!value.is_object()) continue;
            const json::object& replica = value.get_object();
            const std::string node = std::to_string(number_in(replica, "node"));
            add_word(replicas, is_set(replica, "voter") ? node : node + "(learner)");
            if (replica.contains("state_hash")) replicas += "(state_hash: differs)";
            add_word(lag, lag_of(replica, committed));
            if (is_set(replica, "in_sync")) add_word(in_sync, node);
        }
        row["replicas"] = replicas + target_of(item.get_object());
        row["lag"] = lag;
        row["in_sync"] = in_sync;
        if (number_in(row, "leader") == 0) row["leader"] = unknown;
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace penstock::cli
