// What can be asked of the server itself. Part of requests.h; values, any thread.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <string>

namespace penstock::api {

struct ServerStatus {
    bool ready = false;
    std::string version;
    std::string data_folder;
    model::TimeMs started_ms = 0;
    bool dev = false;
    std::string space;  // normal, below_reserve, exhausted
    std::uint64_t log_bytes = 0;
    std::uint64_t log_segments = 0;
    std::uint64_t live_bodies = 0;
    std::uint64_t damaged_records = 0;
    std::uint64_t quarantined = 0;
    std::uint64_t rows_bytes = 0;
    std::uint64_t applied = 0;  // of the data set
    std::uint64_t queues = 0;
    std::uint64_t topics = 0;
    std::uint64_t subscriptions = 0;
    std::uint64_t waiters = 0;  // long polls
};

struct GetStatus {
    using Reply = ServerStatus;
};

}  // namespace penstock::api
