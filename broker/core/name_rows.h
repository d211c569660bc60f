// Rows of set 0, and how names are folded.
//
//   n kind folded_name     number of the object with that name; kind q (queues of both kinds), t, s
//   o number               the object: kind, set, state, name, times
//   k key_id               access key
//   c                      counters: next number, visible and reserved objects per kind and set
//   x kind folded_name     until when a deleted name stays blocked
//   y until kind name      the same by time, so that they go
//   N, S                   nodes and sets of the cluster: placement.h
#pragma once

#include "broker/core/names_query.h"

#include <map>
#include <string>
#include <string_view>

namespace penstock::core {

struct NameCounters {
    std::uint32_t next = 1;
    std::uint32_t queues = 0;
    std::uint32_t topics = 0;
    std::uint32_t reuse_ms = 0;  // of the last reservation: how long deleted names stay blocked
    std::map<model::SetId, std::uint32_t> objects;  // reserved and visible ones by data set
};

namespace name_keys {

inline constexpr std::string_view counters = "c";

// Letters of queue names are folded; topics and subscriptions are kept as they are.
std::string by_name(char prefix, model::ObjectKind kind, std::string_view name);
std::string by_number(model::ObjectNo number);
std::string key(std::string_view key_id);
std::string blocked_until(model::TimeMs until_ms, model::ObjectKind kind, std::string_view name);

}  // namespace name_keys

std::string encode(const NameInfo& info);
NameInfo decode_name(model::ObjectNo number, std::string_view bytes);
std::string encode(const KeyInfo& key);
KeyInfo decode_key(std::string_view key_id, std::string_view bytes);
std::string encode(const NameCounters& counters);
NameCounters decode_counters(std::string_view bytes);

}  // namespace penstock::core
