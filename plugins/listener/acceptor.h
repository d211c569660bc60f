// Acceptor: binds one address, accepts, and spreads what comes over the pool's threads in turn:
// each connection is handed to its protocol on the thread it lives on. Knows how many are open,
// refuses those beyond the limit, and ends all of it.
//
// Owned by a protocol's server, destroyed before the pool and after stop()'s `done`, or once the
// pool's threads are joined. Fails only in bind().
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/model/metric.h"
#include "plugins/listener/callers.h"
#include "plugins/listener/io_pool.h"
#include "plugins/listener/lane.h"
#include "plugins/listener/socket.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins {

struct AcceptorOptions {
    std::string host;        // an address or a name; the first address it has is used
    std::uint16_t port = 0;  // 0: a free one
    std::string_view full;   // what one connection too many is told before it is closed
    std::string_view name;   // "http": in figures and the log
    bool tls = false;        // every connection begins with a handshake
};

class Acceptor {
  public:
    struct Caller {
        std::string address;
        Callers::Visit visit;  // for the Connection that is made of it
    };

    // Takes a new connection; on its lane's thread. It must come to leave the lane one day.
    using Welcome = std::function<void(Socket socket, Lane& lane, Caller caller)>;

    // `pool` and `clock` outlive it; what the lanes share is handed on in shared().
    Acceptor(IoPool& pool, const Clock& clock, const HttpLimits& limits);
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    // Binds and listens. Error{invalid}: no such address; Error{unavailable}: it is taken.
    Result<void> bind(AcceptorOptions options);

    void start(Welcome welcome);  // once, after bind()

    // Stops accepting and every lane; `done` runs once, on an I/O thread, when the last connection
    // is gone. Any thread, at most once.
    void stop(std::function<void()> done);

    [[nodiscard]] Lane::Shared& shared() { return shared_; }

    [[nodiscard]] std::uint16_t port() const { return address_.port(); }

    [[nodiscard]] std::string host() const { return address_.address().to_string(); }

    [[nodiscard]] std::size_t connections() const { return shared_.connections.load(); }

    // How many connections are open, were taken and were one too many, and what callers had too
    // much of. Any thread.
    void measure(model::Metrics& metrics) const;

  private:
    asio::awaitable<void> accept_all();
    void hand_over(Socket socket, Lane& lane, const asio::ip::tcp::endpoint& caller);
    [[nodiscard]] bool is_full() const;
    void turn_away(Socket socket) const;
    void left();

    IoPool& pool_;
    AcceptorOptions options_;
    Welcome welcome_;
    Callers callers_;
    Lane::Shared shared_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    asio::ip::tcp::acceptor acceptor_;
    asio::steady_timer pause_;
    asio::ip::tcp::endpoint address_;
    bool closing_ = false;  // the acceptor's thread
    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> opened_{0};
    std::atomic<std::uint64_t> refused_{0};
    // The acceptor and every connection hold one; at zero, after stop(), `done` is run.
    std::atomic<std::size_t> holders_{1};
    std::function<void()> done_;
};

}  // namespace penstock::plugins
