// How jobs come to share a connection: who waits for one, and what becomes of them.
#include "sinks/client/pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::sinks::client {
namespace {

// What a server speaks it speaks with all of us; what is remembered of it keeps no identity alive.
Origin whoever(Origin origin) {
    origin.tls.reset();
    return origin;
}

}  // namespace

bool HttpClient::Pool::offers_http2(const Origin& origin) const {
    if (origin.scheme != Scheme::https || !origin.socket.empty()) return false;
    const auto http1 = http1_until_us_.find(whoever(origin));
    if (http1 != http1_until_us_.end() && world_.clock.steady_us() < http1->second) return false;
    switch (world_.options.http2) {
        case Http2::off:
            return false;
        case Http2::on:
            return true;
        case Http2::busy:
            break;
    }
    const auto lane = lanes_.find(origin);
    return lane != lanes_.end() && lane->second.open >= world_.options.http1_connections_usual;
}

void HttpClient::Pool::remember_http1(const Origin& origin) {
    if (http1_until_us_.size() >= http1_origins_max) http1_until_us_.clear();
    http1_until_us_[whoever(origin)] =
        world_.clock.steady_us() + std::int64_t{world_.options.age_ms_max} * 1'000;
}

std::shared_ptr<Http2Connection> HttpClient::Pool::find_room(const Origin& origin) {
    const auto lane = lanes_.find(origin);
    if (lane == lanes_.end()) return {};
    for (const auto& shared : lane->second.shared) {
        if (shared->room() > 0) return shared;
    }
    return {};
}

// Takes the job when the connections being opened are expected to have room for it.
bool HttpClient::Pool::wait(std::unique_ptr<Job>& job) {
    const auto found = lanes_.find(job->origin);
    if (found == lanes_.end()) return false;
    Lane& lane = found->second;
    const std::size_t expected = lane.scouts.size() * (lane.streams_expected - 1);
    if (lane.waiting.size() >= std::min(expected, world_.options.endpoint_waiting_max)) {
        return false;
    }
    arm(job->deadline_us);
    lane.waiting.push_back(std::move(job));
    return true;
}

// Those that wait are told when it fails.
bool HttpClient::Pool::may_close(const Lane& lane, const Http2Connection& connection) {
    return connection.idle() && lane.scouts.count(connection.number()) == 0;
}

HttpClient::Pool::Jobs HttpClient::Pool::take_waiting(Lane& lane) {
    return std::exchange(lane.waiting, {});
}

void HttpClient::Pool::start_all(Jobs jobs) {
    for (auto& job : jobs) start(std::move(job));
}

// Gives room to those that wait for it.
void HttpClient::Pool::serve_waiting(const Origin& origin) {
    auto& waiting = lanes_[origin].waiting;
    while (!waiting.empty()) {
        const auto shared = find_room(origin);
        if (!shared) return;
        std::unique_ptr<Job> job = std::move(waiting.front());
        waiting.pop_front();
        shared->start(std::move(job));
    }
}

void HttpClient::Pool::on_http1(Connection& connection) {
    Lane& lane = lanes_[connection.origin()];
    if (lane.scouts.erase(connection.number()) == 0) return;
    remember_http1(connection.origin());
    start_all(take_waiting(lane));
}

void HttpClient::Pool::on_http2(Connection& connection, Opened opened, std::unique_ptr<Job> job) {
    const auto self = connection.shared_from_this();
    connections_.erase(connection.number());
    Http2Connection::Owner& owner = *this;
    const auto shared = std::make_shared<Http2Connection>(
        world_, owner, connection.origin(), connection.number(), std::move(opened));
    lanes_[connection.origin()].shared.push_back(shared);
    shared->begin();
    shared->start(std::move(job));
}

void HttpClient::Pool::on_ready(Http2Connection& connection) {
    const Origin& origin = connection.origin();
    Lane& lane = lanes_[origin];
    lane.scouts.erase(connection.number());
    lane.streams_expected = std::max<std::size_t>(1, connection.streams_max());
    serve_waiting(origin);
    // What is left over is more than this one holds.
    start_all(take_waiting(lane));
}

void HttpClient::Pool::on_finished(Http2Connection& connection,
                                   std::unique_ptr<Job> job,
                                   Exchange exchange) {
    serve_waiting(connection.origin());
    job->done(std::move(exchange));
}

void HttpClient::Pool::on_unprocessed(Http2Connection& connection,
                                      std::unique_ptr<Job> job,
                                      Exchange exchange,
                                      bool wants_http1) {
    if (wants_http1) {
        remember_http1(connection.origin());
        connection.retire();
    }
    if (job->unprocessed < unprocessed_repeats_max) {
        job->unprocessed += 1;
        return start(std::move(job));
    }
    exchange.ending = Ending::refused;
    job->done(std::move(exchange));
}

void HttpClient::Pool::on_closed(Http2Connection& connection) {
    Jobs waiting = take_waiting(lanes_[connection.origin()]);
    drop(connection);
    start_all(std::move(waiting));
}

void HttpClient::Pool::drop(Http2Connection& connection) {
    const auto self = connection.shared_from_this();
    Lane& lane = lanes_[connection.origin()];
    lane.scouts.erase(connection.number());
    lane.shared.erase(std::remove(lane.shared.begin(), lane.shared.end(), self), lane.shared.end());
    leave(connection.origin());
}

void HttpClient::Pool::arm(std::int64_t deadline_us) {
    if (timer_waits_ && timer_us_ <= deadline_us) return;
    timer_us_ = deadline_us;
    timer_waits_ = true;
    const std::int64_t wait_us = std::max<std::int64_t>(0, deadline_us - world_.clock.steady_us());
    timer_.expires_after(std::chrono::microseconds(wait_us));
    timer_.async_wait([weak = std::weak_ptr(self_)](const boost::system::error_code& ec) {
        const auto self = weak.lock();
        if (self && !ec) (*self)->end_late();
    });
}

void HttpClient::Pool::end_late() {
    timer_waits_ = false;
    const std::int64_t now = world_.clock.steady_us();
    Jobs late;
    for (auto& [origin, lane] : lanes_) {
        for (auto& job : take_waiting(lane)) {
            const bool over = job->deadline_us <= now;
            if (!over) arm(job->deadline_us);
            (over ? late : lane.waiting).push_back(std::move(job));
        }
    }
    // The last use of this: the client may end in one of them.
    for (const auto& job : late) {
        Exchange exchange;
        exchange.ending = Ending::timeout;
        exchange.detail = "no connection in time";
        job->done(std::move(exchange));
    }
}

}  // namespace penstock::sinks::client
