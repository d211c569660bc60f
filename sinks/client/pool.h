// Pool: the connections of one HttpClient, by origin: those of HTTP/1.1, the idle ones last in
// first out, and those of HTTP/2, which many exchanges share. It starts each job on an idle or
// shared connection or a new one, within the limits of ClientOptions; where HTTP/2 is offered, jobs
// wait for the connection that is being opened instead of opening one each. Owned by its client, on
// its thread; a job it cannot start ends as Ending::exhausted.
#pragma once

#include "sinks/client/connection.h"
#include "sinks/client/http2_connection.h"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace penstock::sinks::client {

// What no server has looked at is sent anew so many times; then the endpoint refuses it.
inline constexpr unsigned unprocessed_repeats_max = 3;
// Origins remembered to want HTTP/1.1, for the age of a connection.
inline constexpr std::size_t http1_origins_max = 4'096;

class HttpClient::Pool final : private Connection::Owner, private Http2Connection::Owner {
  public:
    explicit Pool(Surroundings surroundings);

    // Begins the job; its `done` never runs inside this call.
    void start(std::unique_ptr<Job> job);
    void forget(const Origin& origin);
    void stop();

    // Closes every connection; gives back what was under way, unfinished.
    std::deque<std::unique_ptr<Job>> close();

    [[nodiscard]] std::size_t connections() const { return open_; }

    [[nodiscard]] Surroundings& surroundings() { return world_; }

  private:
    using Jobs = std::deque<std::unique_ptr<Job>>;

    struct Lane {
        std::vector<std::shared_ptr<Connection>> idle;         // the last one was used last
        std::vector<std::shared_ptr<Http2Connection>> shared;  // the first ones are filled first
        std::size_t open = 0;                                  // all, of either kind
        // Numbers of connections being opened that may turn out to be shared.
        std::set<std::uint64_t> scouts;
        std::size_t streams_expected = http2_streams_max;  // of each
        Jobs waiting;                                      // for the scouts
    };

    using Lanes = std::map<Origin, Lane>;

    std::shared_ptr<Connection> take_idle(const Origin& origin);
    std::shared_ptr<Http2Connection> find_room(const Origin& origin);
    [[nodiscard]] bool offers_http2(const Origin& origin) const;
    bool wait(std::unique_ptr<Job>& job);
    void open(std::unique_ptr<Job> job);
    bool make_room();
    void drop(Connection& connection);
    void drop(Http2Connection& connection);
    void leave(const Origin& origin);
    void refuse(std::unique_ptr<Job> job, Ending ending, std::string detail);
    void remember_http1(const Origin& origin);
    static bool may_close(const Lane& lane, const Http2Connection& connection);
    static Jobs take_waiting(Lane& lane);
    void start_all(Jobs jobs);
    void serve_waiting(const Origin& origin);
    void arm(std::int64_t deadline_us);
    void end_late();

    void on_http1(Connection& connection) override;
    void on_http2(Connection& connection, Opened opened, std::unique_ptr<Job> job) override;
    void on_finished(Connection& connection, std::unique_ptr<Job> job, Exchange exchange) override;
    void on_unsent(Connection& connection, std::unique_ptr<Job> job) override;
    void on_idle_closed(Connection& connection) override;

    void on_ready(Http2Connection& connection) override;
    void on_finished(Http2Connection& connection,
                     std::unique_ptr<Job> job,
                     Exchange exchange) override;
    void on_unprocessed(Http2Connection& connection,
                        std::unique_ptr<Job> job,
                        Exchange exchange,
                        bool wants_http1) override;
    void on_closed(Http2Connection& connection) override;

    Surroundings world_;
    Lanes lanes_;
    std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;  // HTTP/1.1's, by number
    std::map<Origin, std::int64_t> http1_until_us_;
    std::size_t open_ = 0;
    std::uint64_t last_number_ = 0;
    bool stopped_ = false;

    asio::steady_timer timer_;  // for the deadlines of those that wait
    std::int64_t timer_us_ = 0;
    bool timer_waits_ = false;
    // Gone with the pool: the timer's handler may run after it.
    std::shared_ptr<Pool*> self_ = std::make_shared<Pool*>(this);
};

}  // namespace penstock::sinks::client
