#include "plugins/listener/lane.h"

#include "plugins/listener/response_writer.h"

#include <poll.h>

#include <algorithm>

namespace penstock::plugins {

namespace {

constexpr std::chrono::milliseconds tick_period{200};
constexpr std::int64_t tick_us = std::chrono::microseconds(tick_period).count();

// The caller has begun something that only it can end.
bool is_unfinished(Connection::Phase phase) {
    using Phase = Connection::Phase;
    return phase == Phase::handshake || phase == Phase::head || phase == Phase::body;
}

}  // namespace

Lane::Lane(asio::io_context& context, Shared& shared)
    : context_(context), shared_(shared), timer_(context) {}

void Lane::enter(Connection& connection) {
    connection.place = connections_.size();
    connections_.push_back(&connection);
    refresh_date();
    if (!armed_) arm();
}

void Lane::leave(Connection& connection) {
    end_handshake(connection);
    shared_.callers->left(connection.visit);
    connections_.back()->place = connection.place;
    connections_[connection.place] = connections_.back();
    connections_.pop_back();
    shared_.connections.fetch_sub(1);
    shared_.on_leave();
}

void Lane::begin(Connection& connection,
                 Connection::Phase phase,
                 std::chrono::milliseconds timeout) {
    end_handshake(connection);
    connection.phase = phase;
    if (phase == Connection::Phase::handshake) begin_handshake(connection);
    connection.since_us = shared_.clock->steady_us();
    connection.deadline_us = 0;
    if (timeout.count() > 0) {
        connection.deadline_us = connection.since_us + std::chrono::microseconds(timeout).count();
    }
    extend(connection, connection.deadline_us);
}

// A caller who means it is done within milliseconds. Who only holds a place becomes the oldest, and
// the more of them come the sooner each goes.
void Lane::begin_handshake(Connection& connection) {
    if (handshakes_.size() >= shared_.handshakes_max) {
        handshakes_.front()->cut();
        handshakes_.erase(handshakes_.begin());
    }
    handshakes_.push_back(&connection);
}

void Lane::end_handshake(Connection& connection) {
    if (connection.phase != Connection::Phase::handshake) return;
    shared_.callers->greeted(connection.visit);
    const auto found = std::find(handshakes_.begin(), handshakes_.end(), &connection);
    if (found != handshakes_.end()) handshakes_.erase(found);
}

void Lane::extend(Connection& connection, std::int64_t deadline_us) const {
    connection.deadline_us = deadline_us;
    if (stopping() && (deadline_us == 0 || deadline_us > stop_deadline_us_)) {
        connection.deadline_us = stop_deadline_us_;
    }
}

void Lane::count_slow(const Connection& connection) const {
    shared_.callers->slow(connection.visit);
}

void Lane::stop() {
    stop_deadline_us_ =
        shared_.clock->steady_us() + std::chrono::microseconds(shared_.limits.stop_grace).count();
    for (std::size_t at = connections_.size(); at-- > 0;) {
        Connection& connection = *connections_[at];
        extend(connection, connection.deadline_us);
        if (connection.phase == Connection::Phase::idle) connection.cut();
        if (connection.phase == Connection::Phase::handling ||
            connection.phase == Connection::Phase::serving) {
            connection.signal.emit(asio::cancellation_type::terminal);
        }
    }
}

void Lane::arm() {
    armed_ = true;
    timer_.expires_after(tick_period);
    timer_.async_wait([this](const boost::system::error_code& failed) {
        armed_ = false;
        if (!failed) tick();
    });
}

void Lane::refresh_date() {
    const std::int64_t now_s = shared_.clock->wall_ms() / 1000;
    if (now_s == date_s_) return;
    date_s_ = now_s;
    date_ = http_date(now_s);
}

void Lane::tick() {
    refresh_date();
    const std::int64_t now_us = shared_.clock->steady_us();
    waiting_.clear();
    // From the back: a connection that leaves meanwhile is replaced by one already looked at.
    for (std::size_t at = connections_.size(); at-- > 0;) {
        Connection& connection = *connections_[at];
        if (connection.deadline_us != 0 && connection.deadline_us <= now_us) {
            if (is_unfinished(connection.phase) && !stopping()) count_slow(connection);
            connection.expire();
        } else if (connection.phase == Connection::Phase::handling && !connection.hung_up &&
                   connection.since_us + tick_us <= now_us) {
            waiting_.push_back(&connection);
        }
    }
    if (!waiting_.empty()) find_hang_ups();
    if (!connections_.empty()) arm();
}

void Lane::find_hang_ups() {
    polled_.clear();
    for (Connection* connection : waiting_) {
        connection->release_memory();
        polled_.push_back({connection->native_handle(), POLLRDHUP, 0});
    }
    if (::poll(polled_.data(), polled_.size(), 0) <= 0) return;
    for (std::size_t at = 0; at < waiting_.size(); ++at) {
        if (polled_[at].revents == 0) continue;
        waiting_[at]->hung_up = true;
        waiting_[at]->signal.emit(asio::cancellation_type::terminal);
    }
}

}  // namespace penstock::plugins
