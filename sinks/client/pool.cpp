#include "sinks/client/pool.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::sinks::client {

HttpClient::Pool::Pool(Surroundings surroundings)
    : world_(std::move(surroundings)), timer_(world_.executor) {}

void HttpClient::Pool::start(std::unique_ptr<Job> job) {
    if (stopped_) return refuse(std::move(job), Ending::stopped, "the client stops");
    const auto shared = find_room(job->origin);
    // The more share it the less each costs; alone, a connection of HTTP/1.1 costs less.
    if (shared && !shared->idle()) return shared->start(std::move(job));
    if (const auto kept = take_idle(job->origin)) return kept->start(std::move(job));
    if (shared) return shared->start(std::move(job));
    if (!wait(job)) open(std::move(job));
}

void HttpClient::Pool::open(std::unique_ptr<Job> job) {
    const auto lane = lanes_.find(job->origin);
    if (lane != lanes_.end() && lane->second.open >= world_.options.endpoint_connections_max) {
        return refuse(std::move(job), Ending::exhausted, "too many connections to this endpoint");
    }
    if (open_ >= world_.options.connections_max && !make_room()) {
        return refuse(std::move(job), Ending::exhausted, "too many connections");
    }
    const bool offers = offers_http2(job->origin);
    Connection::Owner& owner = *this;
    const auto connection =
        std::make_shared<Connection>(world_, owner, job->origin, ++last_number_, offers);
    connections_.emplace(connection->number(), connection);
    Lane& own = lanes_[job->origin];
    ++own.open;
    ++open_;
    if (offers) own.scouts.insert(connection->number());
    connection->start(std::move(job));
}

std::shared_ptr<Connection> HttpClient::Pool::take_idle(const Origin& origin) {
    for (;;) {
        const auto lane = lanes_.find(origin);
        if (lane == lanes_.end() || lane->second.idle.empty()) return {};
        std::shared_ptr<Connection> connection = std::move(lane->second.idle.back());
        lane->second.idle.pop_back();
        if (connection->fresh()) return connection;
        connection->close();
        drop(*connection);
    }
}

// Closes the connection that has been idle longest.
bool HttpClient::Pool::make_room() {
    std::shared_ptr<Connection> oldest;
    std::shared_ptr<Http2Connection> oldest_shared;
    for (const auto& [origin, lane] : lanes_) {
        for (const auto& shared : lane.shared) {
            const bool older =
                !oldest_shared || shared->idle_since_us() < oldest_shared->idle_since_us();
            if (may_close(lane, *shared) && older) oldest_shared = shared;
        }
        if (lane.idle.empty()) continue;
        const auto& first = lane.idle.front();
        if (!oldest || first->idle_since_us() < oldest->idle_since_us()) oldest = first;
    }
    const bool shared_first =
        oldest_shared && (!oldest || oldest_shared->idle_since_us() < oldest->idle_since_us());
    if (shared_first) {
        oldest_shared->close();
        drop(*oldest_shared);
    } else if (oldest) {
        oldest->close();
        on_idle_closed(*oldest);
    }
    return shared_first || oldest;
}

// Forgets a closed connection that is in no idle list.
void HttpClient::Pool::drop(Connection& connection) {
    const Origin origin = connection.origin();
    lanes_[origin].scouts.erase(connection.number());
    connections_.erase(connection.number());
    leave(origin);
}

// One connection to the origin is less. Those that wait have been seen to.
void HttpClient::Pool::leave(const Origin& origin) {
    --open_;
    const auto lane = lanes_.find(origin);
    if (--lane->second.open == 0) lanes_.erase(lane);
}

void HttpClient::Pool::refuse(std::unique_ptr<Job> job, Ending ending, std::string detail) {
    Exchange exchange;
    exchange.ending = ending;
    exchange.detail = std::move(detail);
    asio::post(world_.executor,
               [done = std::move(job->done), exchange = std::move(exchange)]() { done(exchange); });
}

void HttpClient::Pool::on_finished(Connection& connection,
                                   std::unique_ptr<Job> job,
                                   Exchange exchange) {
    const auto self = connection.shared_from_this();  // drop() may let go of the last other owner
    Lane& lane = lanes_[connection.origin()];
    Jobs failed;
    if (!connection.open()) {
        if (lane.scouts.count(connection.number()) > 0) failed = take_waiting(lane);
        drop(connection);
        // It was its own deadline: the others still have time.
        if (world_.clock.steady_us() >= job->deadline_us) start_all(std::exchange(failed, {}));
    } else if (!lane.waiting.empty()) {
        std::unique_ptr<Job> next = std::move(lane.waiting.front());
        lane.waiting.pop_front();
        connection.start(std::move(next));
    } else {
        lane.idle.push_back(self);
        if (lane.idle.size() > world_.options.endpoint_idle_max) {
            const auto oldest = lane.idle.front();
            oldest->close();
            on_idle_closed(*oldest);
        }
    }
    // The last use of this: the client may end in one of them.
    for (const auto& other : failed) other->done(exchange);
    job->done(std::move(exchange));
}

void HttpClient::Pool::on_unsent(Connection& connection, std::unique_ptr<Job> job) {
    drop(connection);
    start(std::move(job));
}

void HttpClient::Pool::on_idle_closed(Connection& connection) {
    const auto self = connection.shared_from_this();
    auto& idle = lanes_[connection.origin()].idle;
    idle.erase(std::remove(idle.begin(), idle.end(), self), idle.end());
    drop(connection);
}

void HttpClient::Pool::forget(const Origin& origin) {
    const auto lane = lanes_.find(origin);
    if (lane == lanes_.end()) return;
    const auto idle = std::exchange(lane->second.idle, {});
    const auto shared = lane->second.shared;
    for (const auto& connection : idle) {
        connection->close();
        drop(*connection);
    }
    for (const auto& connection : shared) {
        if (!may_close(lanes_[origin], *connection)) continue;
        connection->close();
        drop(*connection);
    }
}

std::deque<std::unique_ptr<Job>> HttpClient::Pool::close() {
    stopped_ = true;
    timer_.cancel();
    Lanes lanes = std::exchange(lanes_, {});
    const auto all = std::exchange(connections_, {});
    open_ = 0;
    Jobs jobs;
    for (const auto& [number, connection] : all) {
        if (auto job = connection->close()) jobs.push_back(std::move(job));
    }
    for (auto& [origin, lane] : lanes) {
        for (const auto& shared : lane.shared) {
            for (auto& job : shared->close()) jobs.push_back(std::move(job));
        }
        for (auto& job : lane.waiting) jobs.push_back(std::move(job));
    }
    return jobs;
}

void HttpClient::Pool::stop() {
    for (const auto& job : close()) {
        Exchange exchange;
        exchange.detail = "the client stops";
        job->done(std::move(exchange));
    }
}

}  // namespace penstock::sinks::client
