// The HTTP listener every way in over HTTP shares: it accepts, does TLS, enforces the limits and
// deadlines, parses strictly and hands whole requests to the first front end that wants them. A
// connection lives and dies on one I/O thread.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::plugins {

namespace asio = boost::asio;

struct HttpRequest {
    std::string method;  // as sent: "GET", "POST", ...
    std::string path;    // before '?', not decoded
    std::string query;   // behind '?', not decoded
    std::string host;    // the Host header as sent, with any port
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;
    std::string remote;     // the caller's address
    bool secure = false;    // came over TLS
    bool loopback = false;  // the listener itself is on a loopback address

    // First value of a header (lower-case name); empty when absent.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

// A body that is made while it is sent, over minutes perhaps. Owned by its response, on the
// connection's I/O thread.
class HttpStream {
  public:
    virtual ~HttpStream() = default;

    // The next piece; empty: the end. Cancelled (terminal) when the caller hangs up or the server
    // stops: it then ends soon, and what it gives is dropped. A caller that does not take a piece
    // within the write time-out is cut.
    virtual asio::awaitable<std::string> next() = 0;
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::shared_ptr<HttpStream> stream = nullptr;  // instead of a body
};

// Why the listener refuses a request with that status, in a sentence.
std::string_view why_refused(unsigned status);

// And the stable `code` of its problem document.
std::string_view refusal_code(unsigned status);

class HttpFrontEnd {
  public:
    virtual ~HttpFrontEnd() = default;

    // True when this front end answers the request. Asked in the order of plugins/all.cpp.
    [[nodiscard]] virtual bool wants(const HttpRequest& request) const = 0;

    // Answers it. Runs on the connection's I/O thread; cancelled (terminal) when the caller hangs
    // up. HEAD is answered as GET: the listener leaves the body out and tells its length.
    virtual asio::awaitable<HttpResponse> handle(HttpRequest request) = 0;

    // The listener is about to refuse a request this front end wants, with the given status (413,
    // 414, 415; 503: too many large ones are under way), before the whole of it has been read: a
    // protocol with an envelope of its own may word the answer. The connection is closed behind it.
    [[nodiscard]] virtual std::optional<HttpResponse> refuse(
        [[maybe_unused]] const HttpRequest& request, [[maybe_unused]] unsigned status) {
        return std::nullopt;
    }
};

}  // namespace penstock::plugins
