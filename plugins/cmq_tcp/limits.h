// TcpLimits: every bound of the CMQ TCP listener by name. Values, any thread.
#pragma once

#include "plugins/listener/limits.h"

#include <chrono>
#include <cstddef>

namespace penstock::plugins {

struct TcpLimits {
    std::size_t connections_max = 20'000;
    std::size_t handshakes_max = 1'000;  // of TLS, under way; the oldest makes way for a new one
    CallerLimits caller;
    std::size_t frame_bytes_max = 1024 * 1024 + 64 * 1024;
    // A frame beyond large_frame_bytes is large. Those that are read or wait for their answer have
    // large_frames_bytes_max together; one that finds no room is not read on until it does.
    std::size_t large_frame_bytes = 1024 * 1024 + 64 * 1024;
    std::size_t large_frames_bytes_max = 128 * 1024 * 1024;
    // Before it is authenticated: an ordinary message is told so, nobody fills the memory.
    std::size_t stranger_frame_bytes_max = 72 * 1024;
    // Of one connection. Reading stops while requests or bytes are at their limit, so a caller who
    // sends faster than it is served is slowed by TCP; a pull too many is refused, for pulls may
    // wait for half a minute and must not stop the rest.
    std::size_t requests_max = 1'024;                 // under way, pulls apart
    std::size_t request_bytes_max = 4 * 1024 * 1024;  // of these
    std::size_t pulls_max = 256;
    std::size_t produced_queues_max = 64;            // transactional ones, for which it is asked
    std::size_t output_bytes_max = 8 * 1024 * 1024;  // answers that the caller does not read
    std::size_t frame_bytes_per_second_min = 32 * 1024;  // beyond frame_timeout

    std::chrono::milliseconds handshake_timeout{5'000};
    std::chrono::milliseconds authentication_timeout{10'000};  // from the first byte on
    std::chrono::milliseconds frame_timeout{10'000};  // first to last byte; plus the least rate's
    std::chrono::milliseconds idle_timeout{75'000};   // nothing comes, not even a heartbeat
    std::chrono::milliseconds write_timeout{30'000};  // nothing is taken
    std::chrono::seconds check_poll{20};              // one wait for checks of a queue, at most 30
    std::chrono::milliseconds check_pause{1'000};     // when the broker or the caller takes no more
    std::chrono::milliseconds stop_grace{10'000};     // requests under way when stopping
};

}  // namespace penstock::plugins
