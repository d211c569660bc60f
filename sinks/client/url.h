// Url: an http or https address taken apart. Anything a push may not use is refused here already:
// other schemes, userinfo, fragments, blanks, control bytes. Values and pure functions, any thread.
#pragma once

#include "broker/base/error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::sinks::client {

inline constexpr std::size_t url_bytes_max = 2048;

enum class Scheme : std::uint8_t { http, https };

class TlsIdentity;

struct Url {
    Scheme scheme = Scheme::http;
    std::string host;         // in lower case; an IPv6 address without its brackets
    std::uint16_t port = 80;  // 80 or 443 unless given
    std::string target;       // path and query as sent in the request line; at least "/"
    std::string authority;    // the Host header: host, and the port unless it is the scheme's own
    std::string socket{};     // Unix socket to connect to, not host and port; never from a text
    std::shared_ptr<TlsIdentity> tls{};  // whom it trusts, what it shows; none: the client's own

    friend bool operator==(const Url&, const Url&) = default;
};

// Error{invalid} says what is wrong in words fit for the user who gave the text.
Result<Url> parse_url(std::string_view text);

}  // namespace penstock::sinks::client
