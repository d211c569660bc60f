// HttpLimits: every bound of the listener by name. Values, any thread.
#pragma once

#include "broker/base/networks.h"

#include <chrono>
#include <cstddef>

namespace penstock::plugins {

// What one caller (callers.h) may have, of each listener; 0: no limit.
struct CallerLimits {
    std::size_t connections_max = 1'024;
    std::size_t handshakes_max = 200;  // of TLS, under way
    std::size_t handshakes_per_second = 200;
    std::size_t slow_per_minute = 60;  // handshakes and requests that are not whole in time
    Networks exempt;                   // addresses without such limits
};

struct HttpLimits {
    std::size_t connections_max = 20'000;
    std::size_t handshakes_max = 1'000;  // of TLS, under way; the oldest makes way for a new one
    CallerLimits caller;
    std::size_t head_bytes_max = 32 * 1024;  // request line and headers
    std::size_t headers_max = 100;
    std::size_t target_bytes_max = 16 * 1024;              // path and query
    std::size_t body_bytes_max = 1024 * 1024 + 64 * 1024;  // after undoing chunks
    // A body beyond large_body_bytes is large. Those that are read or wait for their answer have
    // large_bodies_bytes_max together; what finds no room is refused (503).
    std::size_t large_body_bytes = 1024 * 1024 + 64 * 1024;
    std::size_t large_bodies_bytes_max = 128 * 1024 * 1024;
    std::size_t linger_bytes_max = 8 * 1024 * 1024;     // read and dropped behind a refusal
    std::size_t body_bytes_per_second_min = 32 * 1024;  // beyond body_timeout

    std::chrono::milliseconds handshake_timeout{5'000};
    std::chrono::milliseconds head_timeout{10'000};        // first to last byte of a head
    std::chrono::milliseconds body_timeout{10'000};        // plus the time the least rate allows,
    std::chrono::milliseconds body_rate_time_max{60'000};  // but no more than that: a large body
                                                           // holds room that others may need
    std::chrono::milliseconds idle_timeout{75'000};        // between two requests
    std::chrono::milliseconds write_timeout{30'000};       // one response
    std::chrono::milliseconds linger_timeout{2'000};       // behind a refusal
    std::chrono::milliseconds stop_grace{10'000};          // requests in flight when stopping
};

}  // namespace penstock::plugins
