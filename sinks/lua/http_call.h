// ctx.http as the server carries it out: the request a script asked for, checked, and the answer as
// a frame. Hosts beyond the function's list are refused here, addresses by the client's guard.
// Values and pure functions, any thread.
#pragma once

#include "broker/base/error.h"
#include "sinks/client/http_client.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::lua {

inline constexpr std::size_t http_call_headers_max = 64;
inline constexpr std::size_t http_call_head_bytes_max = 16 * 1024;
inline constexpr std::size_t http_call_answer_bytes_max = 1 << 20;
inline constexpr std::uint32_t http_call_timeout_ms =
    15'000;  // unless the script says less or more

struct HttpCallRequest {
    client::Url url;
    std::string head;
    std::string body;
    std::uint32_t timeout_ms = http_call_timeout_ms;
};

// What the call belongs to.
struct HttpCallContext {
    const std::vector<std::string>* allowed = nullptr;  // hosts, HOST:PORT, or "*"
    std::string idempotency;        // "penstock-<subscription>-<message>-<attempt>"
    std::uint64_t ordinal = 1;      // of the call within its message, unless the call says it
    std::int64_t remaining_ms = 0;  // until the message's deadline
};

// `arguments` is the call's frame. Error{invalid}: in words for the script.
Result<HttpCallRequest> read_http_call(std::string_view arguments, const HttpCallContext& context);

// The result frame for call number `call`.
std::string http_result(std::uint64_t call, const client::Exchange& exchange);

}  // namespace penstock::sinks::lua
