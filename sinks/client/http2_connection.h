// Http2Connection: the exchanges on one TLS connection whose server chose HTTP/2, many at a time.
// It is given what a Connection opened; it closes itself when it idled or lived long enough, when
// the server says GOAWAY and the last exchange ended, and when nothing is heard of the server. An
// exchange that ends at its deadline costs the others nothing. Owned by the pool (and by its
// pending operations); lives on the client's thread; it never calls its Owner after close().
#pragma once

#include "sinks/client/connection.h"
#include "sinks/client/http2_session.h"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::sinks::client {

class Http2Connection : public std::enable_shared_from_this<Http2Connection> {
  public:
    class Owner {
      public:
        virtual ~Owner() = default;

        // The server said how many exchanges it takes: room() tells.
        virtual void on_ready(Http2Connection& connection) = 0;

        // An exchange ended; there may be room for another.
        virtual void on_finished(Http2Connection& connection,
                                 std::unique_ptr<Job> job,
                                 Exchange exchange) = 0;

        // No server has looked at it. `wants_http1`: this one will not, over HTTP/2.
        virtual void on_unprocessed(Http2Connection& connection,
                                    std::unique_ptr<Job> job,
                                    Exchange exchange,
                                    bool wants_http1) = 0;

        // It closed itself; no exchange is left.
        virtual void on_closed(Http2Connection& connection) = 0;
    };

    Http2Connection(Surroundings& surroundings,
                    Owner& owner,
                    Origin origin,
                    std::uint64_t number,
                    Opened opened);

    // Greets the server. Once, before anything else.
    void begin();

    // Begins an exchange: the first, or one there is room() for. Its end comes later.
    void start(std::unique_ptr<Job> job);

    // Exchanges that may be started now. None before the server's greeting, and none when it is
    // idle and not known to be alive.
    [[nodiscard]] std::size_t room() const;

    // Takes no more exchanges, and closes when it has none.
    void retire() { retired_ = true; }

    // Exchanges at a time, as far as is known.
    [[nodiscard]] std::size_t streams_max() const { return session_.streams_max(); }

    [[nodiscard]] bool idle() const { return jobs_.empty(); }

    // Closes at once; gives back what was under way, unfinished.
    std::vector<std::unique_ptr<Job>> close();

    [[nodiscard]] const Origin& origin() const { return origin_; }

    [[nodiscard]] std::uint64_t number() const { return number_; }

    [[nodiscard]] std::int64_t idle_since_us() const { return idle_since_us_; }

  private:
    using ErrorCode = boost::system::error_code;

    struct Flight {
        std::unique_ptr<Job> job;
        std::int64_t begun_us = 0;
    };

    [[nodiscard]] std::int64_t now_us() const { return world_.clock.steady_us(); }

    void read();
    void on_read(const ErrorCode& ec, std::size_t bytes);
    void flush_soon();
    void flush();
    void write();
    void on_written(const ErrorCode& ec, std::size_t bytes);
    void settle();
    void conclude(Http2Session::Ended ended, Ending lost);
    void give_up(const std::string& why);
    void shut();
    void ask_for_life();
    [[nodiscard]] bool ending() const;
    [[nodiscard]] std::int64_t quiet_end_us() const;
    [[nodiscard]] std::int64_t next_deadline_us() const;
    void arm(std::int64_t deadline_us);
    void on_timer(const ErrorCode& ec);
    void end_late();

    Surroundings& world_;
    Owner& owner_;
    Origin origin_;
    std::uint64_t number_;
    std::unique_ptr<Transport> transport_;
    std::string target_;
    std::int64_t opened_us_ = 0;
    Http2Session session_;
    std::map<StreamId, Flight> jobs_;

    std::array<char, 16 * 1024> received_{};
    std::string writing_;  // taken from the session, on its way
    bool write_waits_ = false;
    bool flush_posted_ = false;
    bool broken_ = false;          // nothing can be written any more
    bool unsent_ = false;          // nor was anything of what is in writing_
    Ending lost_ = Ending::reset;  // what it is for exchanges that lose it
    bool told_ready_ = false;
    bool retired_ = false;
    bool closed_ = false;

    asio::steady_timer timer_;
    bool timer_waits_ = false;
    std::int64_t timer_us_ = 0;
    std::int64_t heard_us_ = 0;   // of the server, last
    std::int64_t pinged_us_ = 0;  // asked for a sign of life; 0: not since it was heard
    std::int64_t busy_since_us_ = 0;
    std::int64_t idle_since_us_ = 0;
};

}  // namespace penstock::sinks::client
