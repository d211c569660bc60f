// Lane: the connections of one I/O thread and the one timer that watches over all of them. A few
// times a second it cuts what has missed its deadline and asks the kernel, in one call, which of
// the waiting callers have hung up. Owned by HttpServer; its thread only, but for the constructor.
#pragma once

#include "broker/base/clock.h"
#include "plugins/listener/connection.h"
#include "plugins/listener/http.h"
#include "plugins/listener/large_bytes.h"
#include "plugins/listener/limits.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct pollfd;

namespace penstock::plugins {

class Lane {
  public:
    // What all lanes of a server share; outlives them.
    struct Shared {
        HttpLimits limits;
        std::size_t handshakes_max = 1;  // of one lane
        const Clock* clock = nullptr;
        std::vector<HttpFrontEnd*> front_ends;
        bool loopback = false;
        Callers* callers = nullptr;
        std::atomic<std::size_t> connections{0};
        std::shared_ptr<LargeBytes> large_bytes = std::make_shared<LargeBytes>();
        std::function<void()> on_leave;  // after `connections` went down; any lane's thread
    };

    Lane(asio::io_context& context, Shared& shared);

    void enter(Connection& connection);
    void leave(Connection& connection);

    // Begins a phase that must end within `timeout` (zero: it may take its time).
    void begin(Connection& connection, Connection::Phase phase, std::chrono::milliseconds timeout);

    // Grants a phase that makes progress until `deadline_us`.
    void extend(Connection& connection, std::int64_t deadline_us) const;

    // The connection did not do in time what it had to; its own word, or the lane's.
    void count_slow(const Connection& connection) const;

    void stop();

    [[nodiscard]] bool stopping() const { return stop_deadline_us_ != 0; }

    [[nodiscard]] const Shared& shared() const { return shared_; }

    [[nodiscard]] asio::io_context& context() const { return context_; }

    [[nodiscard]] std::string_view date() const { return date_; }

  private:
    void arm();
    void tick();
    void refresh_date();
    void find_hang_ups();
    void begin_handshake(Connection& connection);
    void end_handshake(Connection& connection);

    asio::io_context& context_;
    Shared& shared_;
    asio::steady_timer timer_;
    bool armed_ = false;
    std::vector<Connection*> connections_;
    std::vector<Connection*> handshakes_;  // under way, oldest first
    std::vector<Connection*> waiting_;     // of find_hang_ups
    std::vector<pollfd> polled_;           // beside waiting_
    std::int64_t stop_deadline_us_ = 0;
    std::int64_t date_s_ = 0;
    std::string date_;
};

}  // namespace penstock::plugins
