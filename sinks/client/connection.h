// Connection: one connection, TCP or Unix, to one scheme, host and port, plain or TLS, and the one
// exchange on it at a time, in HTTP/1.1. It opens itself with its first exchange: resolve, guard,
// connect, handshake; when the server chose HTTP/2 it hands over what it opened. While idle it
// listens for the peer's close. Owned by the pool (and by its pending operations); lives on the
// client's thread; it reports each end to its Owner and never calls it after close().
#pragma once

#include "sinks/client/answer_parser.h"
#include "sinks/client/http_client.h"
#include "sinks/client/tls_identity.h"
#include "sinks/client/transport.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sinks::client {

// What connections are kept by, and what they must have in common.
struct Origin {
    Scheme scheme = Scheme::http;
    std::string host;
    std::uint16_t port = 80;
    std::string socket{};  // path of a Unix socket that is connected to instead; empty: none
    std::shared_ptr<TlsIdentity> tls{};  // none: the client's own

    friend auto operator<=>(const Origin&, const Origin&) = default;
};

// One exchange on its way, handed from pool to connection and back.
struct Job {
    Origin origin;
    Outgoing request;
    HttpClient::Done done;
    std::int64_t deadline_us = 0;
    unsigned unprocessed = 0;  // how often a server let it go without looking at it
};

// Addresses that let a connection wait in vain are tried behind the other ones of their name for so
// long. Beyond so many of them all are forgotten.
inline constexpr std::int64_t silent_address_us = 30'000'000;
inline constexpr std::size_t silent_addresses_max = 1'024;

// What every connection of a client shares.
struct Surroundings {
    asio::any_io_executor executor;
    const Clock& clock;
    Resolver& resolver;
    ClientOptions options;
    TlsIdentities tls;
    std::optional<Url> proxy;
    std::map<asio::ip::address, std::int64_t> silent_until_us{};  // addresses that do not answer
};

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    class Owner {
      public:
        virtual ~Owner() = default;

        // The exchange ended. The connection is idle now, or closed if `!connection.open()`.
        virtual void on_finished(Connection& connection,
                                 std::unique_ptr<Job> job,
                                 Exchange exchange) = 0;

        // It is open, and speaks HTTP/1.1.
        virtual void on_http1(Connection& connection) = 0;

        // It is open, and the server wants HTTP/2: the connection is closed, without its transport
        // and its job, of which nothing was sent.
        virtual void on_http2(Connection& connection, Opened opened, std::unique_ptr<Job> job) = 0;

        // The kept connection was dead: not a byte of the job was sent.
        virtual void on_unsent(Connection& connection, std::unique_ptr<Job> job) = 0;

        // An idle connection was closed, by the peer or for its age.
        virtual void on_idle_closed(Connection& connection) = 0;
    };

    // `offers_http2`: when it comes to TLS.
    Connection(Surroundings& surroundings,
               Owner& owner,
               Origin origin,
               std::uint64_t number,
               bool offers_http2);

    // Begins an exchange on a new or idle connection.
    void start(std::unique_ptr<Job> job);

    // True when nothing says that the peer closed the idle connection. Asks the kernel.
    [[nodiscard]] bool fresh();

    // Closes at once; an exchange under way is given back, unfinished.
    std::unique_ptr<Job> close();

    [[nodiscard]] bool open() const { return phase_ != Phase::closed; }

    [[nodiscard]] const Origin& origin() const { return origin_; }

    [[nodiscard]] std::uint64_t number() const { return number_; }

    [[nodiscard]] std::int64_t idle_since_us() const { return idle_since_us_; }

  private:
    using ErrorCode = boost::system::error_code;
    enum class Phase : std::uint8_t {
        fresh,
        resolving,
        seeking_proxy,
        connecting,
        tunnelling,
        handshaking,
        busy,
        idle,
        closed
    };

    void on_resolved(Resolved resolved);
    void begin_connecting();
    void put_silent_last();
    void connect_next();
    bool passes_over();
    [[nodiscard]] std::int64_t address_end_us() const;
    void connect_socket();
    void try_socket();
    void on_connected(const ErrorCode& ec);
    void seek_proxy();
    void on_proxy_resolved(Resolved resolved);
    void ask_for_tunnel();
    void read_tunnel();
    void on_tunnel_read(const ErrorCode& ec, std::size_t bytes);
    void on_open();
    void handshake();
    void on_handshake(const ErrorCode& ec);
    void begin();
    void hand_over();
    void begin_exchange();
    void begin_answer();
    void write();
    void on_written(const ErrorCode& ec, std::size_t bytes);
    void read();
    void on_read(const ErrorCode& ec, std::size_t bytes);
    void parse();
    void on_read_end(const ErrorCode& ec);
    void finish_answered(bool complete);
    void fail(Ending ending, std::string detail);
    void become_idle(std::int64_t idle_us);
    [[nodiscard]] std::int64_t age_end_us() const;
    void end_idle();
    void arm(std::int64_t deadline_us);
    void on_timer(const ErrorCode& ec);
    void on_deadline();

    Surroundings& world_;
    Owner& owner_;
    Origin origin_;
    std::uint64_t number_;
    bool offers_http2_;
    Phase phase_ = Phase::fresh;
    bool reused_ = false;
    bool written_ = false;
    bool reading_ = false;
    bool answer_begun_ = false;
    unsigned interims_ = 0;

    std::unique_ptr<Transport> transport_;  // none once it is handed over
    asio::steady_timer timer_;
    asio::steady_timer knock_timer_;  // at a Unix socket
    bool timer_waits_ = false;
    std::int64_t timer_us_ = 0;
    std::int64_t deadline_us_ = 0;
    std::int64_t opened_us_ = 0;
    std::int64_t idle_since_us_ = 0;

    std::vector<asio::ip::address> addresses_;  // still to be tried, last first
    asio::ip::address address_;                 // that is being tried
    unsigned tries_ = 0;                        // of addresses: tells which one a call is about
    std::int64_t connect_end_us_ = 0;
    std::string target_;
    std::string tunnel_;  // the request for it
    std::unique_ptr<Job> job_;
    std::optional<AnswerParser> parser_;
    boost::beast::flat_buffer buffer_;
};

}  // namespace penstock::sinks::client
