// What a receiver may decide by headers of an answer that is no success:
//
//   webhook-delivery: abort-message   dead letter at once, no further attempt
//   webhook-delivery: disable         the subscription goes out of service, with this as the reason
//   penstock-delay: 10m               no attempt before that time: 90, 90s, 10m, 1h; heeded as
//                                     Retry-After is, by schedules that are not CMQ's
//
// An answer of success is one, whatever its headers say. Pure functions, any thread.
#pragma once

#include "sinks/client/http_client.h"
#include "sinks/sink.h"

#include <cstdint>
#include <string_view>

namespace penstock::sinks::http {

// Lays what the answer's headers say over what its status says. Unknown words change nothing.
void heed_receiver(const client::HttpAnswer& answer, AttemptResult& result);

// Milliseconds, clamped as Retry-After is; 0: it is no time.
std::uint32_t parse_delay(std::string_view text);

}  // namespace penstock::sinks::http
