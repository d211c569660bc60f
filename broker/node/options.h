// NodeOptions: what a node is told at its start. A plain value, made by the composition root.
#pragma once

#include "broker/api/data_keys.h"
#include "broker/api/own_rates.h"
#include "broker/base/error.h"
#include "broker/model/objects.h"
#include "broker/storage/log/log_store.h"
#include "broker/storage/rows/row_store.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace penstock::node {

// Which attempts are kept for the track.
enum class TrackMode : std::uint8_t { off, failures, all };

struct RootKey {
    std::string key_id;
    std::string secret;
};

// What may become a function here.
struct FunctionRules {
    bool processes = false;  // programs of this machine; Lua scripts always may

    // The command as it will be run (absolute paths), or Error{invalid|not_found} that says why it
    // cannot; broker thread, looks at the file system.
    std::function<Result<std::vector<std::string>>(model::SinkKind kind,
                                                   const std::vector<std::string>& command)>
        resolve;
};

struct NodeOptions {
    std::string data_folder = "penstock-data";
    bool dev = false;  // puts the well-known key; no root key is made
    std::string version;
    std::uint16_t data_sets = 1;  // of a node that stands alone; never fewer than its folder has
    storage::LogStoreOptions log;
    storage::RowStoreOptions rows;

    // Quotas; 0: none.
    std::uint32_t queues_max = 1'000;
    std::uint32_t topics_max = 1'000;
    std::uint32_t subscriptions_max = 100;  // per topic
    std::uint32_t name_reuse_ms = 10'000;   // how long a deleted name stays blocked

    // Ceiling of the message_bytes_max of queues and topics, 65536-16777216. What a set's leader
    // has counts; what is in a log already is served whatever it is.
    std::uint32_t message_bytes_max = model::message_bytes_usual_most;

    TrackMode track = TrackMode::all;
    std::uint32_t track_retention_s = 259'200;
    std::uint64_t track_bytes_max = 1ULL << 30;

    std::uint32_t request_timeout_ms = 10'000;  // on top of a poll
    std::uint32_t calls_max = 20'000;           // requests that wait to be looked at
    std::uint64_t call_bytes_max = 128ULL << 20;
    std::uint32_t waiters_max = 50'000;  // long polls

    // Rows are flushed when this much would have to be redone after a crash, or this often; a run
    // begins with less and works up to it (background.h).
    std::uint64_t flush_row_bytes = 64ULL << 20;
    std::uint64_t flush_log_bytes = 512ULL << 20;
    std::uint32_t flush_age_ms = 60'000;
    std::uint64_t scrub_bytes_per_s = 1ULL << 20;

    FunctionRules functions;

    // What opens sealed bodies; null: none can be opened here. Outlives the node.
    api::DataKeys* data_keys = nullptr;
    // Told what rates objects have of their own; null: nobody is. Outlives the node.
    api::OwnRates* own_rates = nullptr;
    // A message whose payload comes in unsealed is refused.
    bool sealed_only = false;

    // Keeps the root key of a first start before it becomes valid; empty: nothing is kept.
    std::function<Result<void>(const RootKey&)> save_root_key;
};

// How many bodies may be in memory together where messages have at most `body_bytes_max` bytes:
// `usual` of 1 MiB, fewer of larger ones, at least one.
constexpr std::uint32_t bodies_at_a_time(std::uint32_t usual, std::uint32_t body_bytes_max) {
    const std::uint32_t times = body_bytes_max / model::message_bytes_usual_most;
    return times <= 1 ? usual : std::max(usual / times, 1U);
}

inline constexpr const char* dev_key_id = "AKIDpenstockdev";
inline constexpr const char* dev_key_secret = "penstock-dev-secret";

}  // namespace penstock::node
