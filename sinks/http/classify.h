// What an exchange means for its delivery. Pure functions, any thread.
#pragma once

#include "broker/model/ids.h"
#include "sinks/client/http_client.h"
#include "sinks/sink.h"

#include <cstdint>
#include <string_view>

namespace penstock::sinks::http {

inline constexpr std::size_t excerpt_bytes_max = 256;
inline constexpr std::uint32_t retry_after_ms_min = 1'000;
inline constexpr std::uint32_t retry_after_ms_max = 3'600'000;

// 2xx is accepted as soon as the answer's head is there; every other answer asks for a retry, as
// does an attempt that broke. What never reached the target is not attempted; its
// `retry_after_ms` is left to the sink.
AttemptResult classify(const client::Exchange& exchange, model::TimeMs now_ms);

// The value of Retry-After, seconds or an HTTP date (RFC 9110, 5.6.7: IMF-fixdate), clamped to
// [retry_after_ms_min, retry_after_ms_max]; 0 when it is neither.
std::uint32_t parse_retry_after(std::string_view text, model::TimeMs now_ms);

}  // namespace penstock::sinks::http
