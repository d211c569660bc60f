#include "sinks/client/url.h"

#include "broker/base/letters.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace penstock::sinks::client {
namespace {

Error invalid(std::string_view what) {
    return error(Errc::invalid, "the URL " + std::string(what));
}

Result<std::uint16_t> port_of(const boost::urls::url_view& view, Scheme scheme) {
    const std::string text(view.port());
    if (text.empty()) return static_cast<std::uint16_t>(scheme == Scheme::https ? 443 : 80);
    // Not port_number(): in Boost.URL 1.81 a port that is too large may become another one.
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failed != std::errc{} || end != text.data() + text.size() || port == 0) {
        return invalid("has a port outside 1-65535");
    }
    return port;
}

// The host without brackets, or why it cannot be one. An escape would let a name pass under another
// spelling, so none is taken.
Result<std::string> host_of(const boost::urls::url_view& view) {
    const auto type = view.host_type();
    if (type == boost::urls::host_type::ipvfuture) return invalid("has an unknown kind of address");
    std::string host(view.encoded_host_address());
    if (host.empty() || type == boost::urls::host_type::none) return invalid("names no host");
    if (host.size() > 253) return invalid("has a host name of more than 253 characters");
    const bool address6 = type == boost::urls::host_type::ipv6;
    const bool plain = std::all_of(host.begin(), host.end(), [address6](unsigned char letter) {
        return std::isalnum(letter) != 0 || letter == '.' || letter == '-' || letter == '_' ||
               (address6 && letter == ':');
    });
    if (!plain) return invalid("has a host with characters no host name has");
    return lowered(host);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
    if (text.size() > url_bytes_max) return invalid("is longer than 2048 bytes");
    const auto parsed = boost::urls::parse_uri(boost::urls::string_view(text.data(), text.size()));
    if (!parsed) return invalid("is malformed; http://host/path is expected");
    const boost::urls::url_view view = *parsed;

    Url url;
    const std::string scheme = lowered(view.scheme());
    if (scheme != "http" && scheme != "https") return invalid("must begin http:// or https://");
    url.scheme = scheme == "https" ? Scheme::https : Scheme::http;
    if (!view.has_authority()) return invalid("names no host");
    if (view.has_userinfo()) return invalid("must not carry a user name or password");
    if (view.has_fragment()) return invalid("must not carry a fragment");

    Result<std::string> host = host_of(view);
    if (!host) return host.error();
    url.host = std::move(*host);
    const Result<std::uint16_t> port = port_of(view, url.scheme);
    if (!port) return port.error();
    url.port = *port;

    // Boost.URL 1.81 takes what follows a malformed port for a path without a slash.
    const std::string path(view.encoded_path());
    if (!path.empty() && path.front() != '/') return invalid("has a malformed port");
    url.target = std::string(view.encoded_target());
    if (path.empty()) url.target.insert(0, "/");
    const bool address6 = url.host.find(':') != std::string::npos;
    url.authority = address6 ? "[" + url.host + "]" : url.host;
    if (url.port != (url.scheme == Scheme::https ? 443 : 80)) {
        url.authority += ":" + std::to_string(url.port);
    }
    return url;
}

}  // namespace penstock::sinks::client
