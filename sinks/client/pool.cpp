#include "sinks/client/pool.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::sinks::client {

void HttpClient::Pool::start(std::unique_ptr<Job> job) {
    if (stopped_) return refuse(std::move(job), Ending::stopped, "the client stops");
    if (const auto kept = take_idle(job->origin)) return kept->start(std::move(job));

    const auto lane = lanes_.find(job->origin);
    if (lane != lanes_.end() && lane->second.open >= world_.options.endpoint_connections_max) {
        return refuse(std::move(job), Ending::exhausted, "too many connections to this endpoint");
    }
    if (connections_.size() >= world_.options.connections_max && !make_room()) {
        return refuse(std::move(job), Ending::exhausted, "too many connections");
    }
    Owner& owner = *this;
    const auto connection =
        std::make_shared<Connection>(world_, owner, job->origin, ++last_number_);
    connections_.emplace(connection->number(), connection);
    ++lanes_[job->origin].open;
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
    for (const auto& [origin, lane] : lanes_) {
        if (lane.idle.empty()) continue;
        const auto& first = lane.idle.front();
        if (!oldest || first->idle_since_us() < oldest->idle_since_us()) oldest = first;
    }
    if (!oldest) return false;
    oldest->close();
    on_idle_closed(*oldest);
    return true;
}

// Forgets a closed connection that is in no idle list.
void HttpClient::Pool::drop(Connection& connection) {
    const auto lane = lanes_.find(connection.origin());
    if (--lane->second.open == 0) lanes_.erase(lane);
    connections_.erase(connection.number());
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
    if (!connection.open()) {
        drop(connection);
    } else {
        Lane& lane = lanes_[connection.origin()];
        lane.idle.push_back(self);
        if (lane.idle.size() > world_.options.endpoint_idle_max) {
            const auto oldest = lane.idle.front();
            oldest->close();
            on_idle_closed(*oldest);
        }
    }
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
    for (const auto& connection : idle) {
        connection->close();
        drop(*connection);
    }
}

std::vector<std::unique_ptr<Job>> HttpClient::Pool::close() {
    stopped_ = true;
    lanes_.clear();
    const auto all = std::exchange(connections_, {});
    std::vector<std::unique_ptr<Job>> jobs;
    for (const auto& [number, connection] : all) {
        if (auto job = connection->close()) jobs.push_back(std::move(job));
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
