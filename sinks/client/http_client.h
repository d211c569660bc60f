// HttpClient: HTTP/1.1 and HTTP/2 requests over kept connections, plain and TLS, with a deadline
// for each phase and a limit on everything read. It resolves names itself and asks the address
// guard before it connects; it follows no redirect and repeats nothing, except what no server has
// looked at: on a kept connection that proved dead before a byte was sent, or an HTTP/2 server said
// so. One client belongs to one thread (its executor's); every completion runs there. Failures are
// an Ending, never an exception.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "sinks/client/address_guard.h"
#include "sinks/client/resolver.h"
#include "sinks/client/tls_identity.h"
#include "sinks/client/url.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks::client {

namespace asio = boost::asio;

// Whether HTTP/2 is offered to https servers (by ALPN). In clear it is never spoken.
enum class Http2 : std::uint8_t {
    off,
    on,    // to all
    busy,  // where HTTP/1.1 would take more than `http1_connections_usual` connections
};

struct ClientOptions {
    AddressPolicy addresses = AddressPolicy::public_only;
    Networks networks;        // open besides
    std::string ca_file;      // PEM trusted beside the system's store; empty: none
    std::string client_cert;  // PEM shown to servers that ask; with client_key, or neither
    std::string client_key;
    std::string proxy;  // "http://host:port" that every connection goes through; empty: none
    std::uint32_t connect_ms_max = 5'000;
    std::uint32_t tls_ms_max = 5'000;
    std::uint32_t idle_ms_max = 60'000;
    std::uint32_t age_ms_max = 300'000;            // names may point elsewhere by then
    std::size_t connections_max = 8'192;           // in all, idle ones included
    std::size_t endpoint_connections_max = 1'024;  // to one scheme, host and port, of one identity
    std::size_t endpoint_idle_max = 256;
    std::size_t identities_max = 4'096;        // TLS identities in use beside the client's own
    std::size_t endpoint_waiting_max = 1'024;  // requests, for an HTTP/2 connection to be opened
    Http2 http2 = Http2::off;
    std::size_t http1_connections_usual = 16;   // to one scheme, host and port
    std::uint32_t http2_quiet_ms_max = 10'000;  // nothing heard while requests wait: it is asked
    std::uint32_t http2_ping_ms_max = 5'000;    // nothing heard after that: the connection is dead
};

struct HttpAnswer {
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, as they came
    std::string body;

    // First value of a header (lower-case name); empty when absent.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

// How one exchange ended.
enum class Ending : std::uint8_t {
    answered,   // a whole head came; whether the body came whole is told apart
    timeout,    // connected late, or the answer's head did not come in time
    refused,    // nobody listens, or no way there
    reset,      // connection lost, or what came is not HTTP
    tls,        // handshake failed, or the certificate is not to be trusted
    name,       // the name does not resolve
    guarded,    // an address of the name is not allowed
    exhausted,  // our own limits: connections, descriptors, look-ups; our proxy
    stopped,    // the client stops
};

struct Exchange {
    Ending ending = Ending::stopped;
    HttpAnswer answer;      // with Ending::answered
    bool complete = false;  // the body is whole: not cut by the limit, the peer or the deadline
    std::string target;     // the address tried, "127.0.0.1:80"; empty: none was
    std::string detail;     // what went wrong, for people
};

// One request, bytes ready to send.
struct Outgoing {
    std::string head;       // request line and headers as of HTTP/1.1, with the blank line
    std::string_view body;  // lives until the completion has run
    std::uint32_t timeout_ms = 15'000;         // from now to the end of the answer
    std::size_t answer_bytes_max = 64 * 1024;  // body bytes kept; what is longer is cut off
};

// One request in words, for callers that want an answer and no tuning.
struct HttpCall {
    std::string method = "GET";
    std::string url;
    // Host, Content-Length and Connection are the client's own.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::uint32_t timeout_ms = 15'000;
    std::size_t answer_bytes_max = 64 * 1024;  // a longer answer is Error{unavailable}
};

class HttpClient {
  public:
    using Done = std::function<void(Exchange)>;

    // `clock` and `resolver` outlive the client. Error{invalid}: a file or the proxy cannot be
    // used.
    static Result<std::unique_ptr<HttpClient>> make(asio::any_io_executor executor,
                                                    const Clock& clock,
                                                    Resolver& resolver,
                                                    ClientOptions options);
    // Closes every connection. Completions that wait are dropped: stop() first to have them run.
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    // Sends `request` to `url` (its scheme, host and port, as its TLS identity). `done` runs once,
    // never inside this call, at the deadline at the latest.
    void send(const Url& url, Outgoing request, Done done);

    // For the `tls` of URLs that are sent to by this client: see TlsIdentities::get().
    [[nodiscard]] Result<std::shared_ptr<TlsIdentity>> identity(const TlsTexts& texts);

    // Closes idle connections to the url's scheme, host and port, of its TLS identity.
    void forget(const Url& url);

    // Ends every exchange as Ending::stopped and closes every connection; nothing keeps the
    // executor's context busy after it.
    void stop();

    // Connections open now, idle ones included.
    [[nodiscard]] std::size_t connections() const;

    class Pool;  // the client's own
    explicit HttpClient(std::unique_ptr<Pool> pool);

  private:
    std::unique_ptr<Pool> pool_;
};

// Asks once and waits for the whole answer, whatever its status. Errors: invalid (the URL),
// timeout, unavailable (refused, reset, TLS, name, guarded, answer too long), closed.
asio::awaitable<Result<HttpAnswer>> fetch(HttpClient& client, HttpCall call);

}  // namespace penstock::sinks::client
