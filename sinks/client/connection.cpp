#include "sinks/client/connection.h"

#include "broker/base/check.h"
#include "sinks/client/ending.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>

namespace penstock::sinks::client {
namespace {

constexpr std::size_t read_bytes = 4 * 1024;
constexpr std::size_t buffer_bytes_max = answer_head_bytes_max + read_bytes;
// So long before a server says that it closes an idle connection we do: a request that crosses its
// close is lost, and counts.
constexpr std::int64_t idle_spare_us = 1'000'000;

// How long the server keeps the connection for the next request ("Keep-Alive: timeout=5", in
// seconds), less what is to spare; `most_us` where it does not say.
std::int64_t idle_us_of(const HttpAnswer& answer, std::int64_t most_us) {
    constexpr std::string_view name = "timeout=";
    const std::string_view text = answer.header("keep-alive");
    const std::size_t at = text.find(name);
    if (at == std::string_view::npos) return most_us;
    std::uint32_t seconds = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data() + at + name.size(), end, seconds);
    if (failed != std::errc{}) return most_us;
    return std::min(most_us, std::int64_t{seconds} * 1'000'000 - idle_spare_us);
}

}  // namespace

Connection::Connection(Surroundings& surroundings,
                       Owner& owner,
                       Origin origin,
                       std::uint64_t number,
                       bool offers_http2)
    : world_(surroundings),
      owner_(owner),
      origin_(std::move(origin)),
      number_(number),
      offers_http2_(offers_http2),
      transport_(std::make_unique<Transport>(surroundings.executor)),
      timer_(surroundings.executor),
      knock_timer_(surroundings.executor),
      buffer_(buffer_bytes_max) {}

void Connection::start(std::unique_ptr<Job> job) {
    check(phase_ == Phase::fresh || phase_ == Phase::idle, "one exchange at a time");
    job_ = std::move(job);
    reused_ = phase_ == Phase::idle;
    if (reused_) return begin_exchange();
    if (!origin_.socket.empty()) return connect_socket();
    phase_ = Phase::resolving;
    arm(job_->deadline_us);
    world_.resolver.resolve(origin_.host, [weak = weak_from_this()](Resolved resolved) {
        const auto self = weak.lock();
        if (self && self->phase_ == Phase::resolving) self->on_resolved(std::move(resolved));
    });
}

bool Connection::fresh() {
    return transport_->quiet();
}

std::unique_ptr<Job> Connection::close() {
    phase_ = Phase::closed;
    ErrorCode ignored;  // closing a socket that is broken already changes nothing
    if (transport_) transport_->socket.close(ignored);
    timer_.cancel();
    knock_timer_.cancel();
    return std::move(job_);
}

void Connection::begin_exchange() {
    phase_ = Phase::busy;
    written_ = false;
    answer_begun_ = false;
    interims_ = 0;
    begin_answer();
    arm(job_->deadline_us);
    write();
    if (!reading_) read();
}

void Connection::begin_answer() {
    parser_.emplace(job_->request.answer_bytes_max);
    // Such an answer tells a length and has no body (RFC 9112, 6.3).
    if (job_->request.head.starts_with("HEAD ")) parser_->skip(true);
}

void Connection::write() {
    const std::array<asio::const_buffer, 2> parts{asio::buffer(job_->request.head),
                                                  asio::buffer(job_->request.body)};
    // A connection is kept only when its write is done: a busy one's write is the current one's.
    auto handler = [self = shared_from_this()](const ErrorCode& ec, std::size_t bytes) {
        if (self->phase_ == Phase::busy) self->on_written(ec, bytes);
    };
    if (transport_->tls) {
        asio::async_write(*transport_->tls, parts, std::move(handler));
    } else {
        asio::async_write(transport_->socket, parts, std::move(handler));
    }
}

void Connection::on_written(const ErrorCode& ec, std::size_t bytes) {
    if (!ec) {
        written_ = true;
        return;
    }
    if (reused_ && bytes == 0 && !answer_begun_) {
        std::unique_ptr<Job> job = close();
        return owner_.on_unsent(*this, std::move(job));
    }
    // The peer may have answered before it closed: what it sent is still read, and the read ends
    // this exchange.
}

void Connection::read() {
    reading_ = true;
    auto handler = [self = shared_from_this()](const ErrorCode& ec, std::size_t bytes) {
        self->reading_ = false;
        if (self->phase_ != Phase::closed) self->on_read(ec, bytes);
    };
    const auto room = buffer_.prepare(std::min(read_bytes, buffer_bytes_max - buffer_.size()));
    if (transport_->tls) {
        transport_->tls->async_read_some(room, std::move(handler));
    } else {
        transport_->socket.async_read_some(room, std::move(handler));
    }
}

void Connection::on_read(const ErrorCode& ec, std::size_t bytes) {
    if (phase_ == Phase::idle) return end_idle();
    if (ec) return on_read_end(ec);
    buffer_.commit(bytes);
    answer_begun_ = true;
    parse();
    if (open() && !reading_) read();
}

void Connection::parse() {
    while (buffer_.size() > 0) {
        ErrorCode ec;
        const std::size_t used = parser_->put(buffer_.data(), ec);
        buffer_.consume(used);
        if (parser_->cut()) return finish_answered(false);
        if (ec == boost::beast::http::error::need_more) {
            if (buffer_.size() < buffer_bytes_max) return;
            ec = boost::beast::http::error::buffer_overflow;
        }
        if (ec && parser_->is_header_done()) return finish_answered(false);
        if (ec) return fail(Ending::reset, "malformed answer: " + ec.message());
        if (parser_->is_done() && parser_->interim()) {
            if (++interims_ > interim_answers_max) {
                return fail(Ending::reset, "malformed answer: too many interim answers");
            }
            begin_answer();
            continue;
        }
        if (parser_->is_done()) return finish_answered(true);
    }
}

void Connection::on_read_end(const ErrorCode& ec) {
    if (parser_->is_header_done()) {
        ErrorCode unfinished;
        if (is_end_of_stream(ec)) parser_->put_eof(unfinished);
        return finish_answered(parser_->is_done());
    }
    if (is_end_of_stream(ec)) return fail(Ending::reset, "connection closed without an answer");
    if (is_tls_alert(ec)) return fail(Ending::tls, refused_by_peer(ec));
    fail(Ending::reset, "connection lost: " + ec.message());
}

void Connection::finish_answered(bool complete) {
    Exchange exchange;
    exchange.ending = Ending::answered;
    exchange.complete = complete;
    exchange.target = target_;
    // Behind a 101 the peer speaks something else, whatever its headers say of the connection.
    const bool keep = complete && written_ && buffer_.size() == 0 && parser_->keep_alive() &&
                      !parser_->switches() && world_.clock.steady_us() < age_end_us();
    exchange.answer = parser_->take();
    const std::int64_t idle_us =
        idle_us_of(exchange.answer, std::int64_t{world_.options.idle_ms_max} * 1000);
    if (keep && idle_us > 0) {
        become_idle(idle_us);
        return owner_.on_finished(*this, std::move(job_), std::move(exchange));
    }
    std::unique_ptr<Job> job = close();
    owner_.on_finished(*this, std::move(job), std::move(exchange));
}

void Connection::fail(Ending ending, std::string detail) {
    Exchange exchange;
    exchange.ending = ending;
    exchange.target = target_;
    exchange.detail = std::move(detail);
    std::unique_ptr<Job> job = close();
    owner_.on_finished(*this, std::move(job), std::move(exchange));
}

void Connection::become_idle(std::int64_t idle_us) {
    phase_ = Phase::idle;
    idle_since_us_ = world_.clock.steady_us();
    arm(std::min(age_end_us(), idle_since_us_ + idle_us));
}

std::int64_t Connection::age_end_us() const {
    return opened_us_ + std::int64_t{world_.options.age_ms_max} * 1000;
}

void Connection::end_idle() {
    close();
    owner_.on_idle_closed(*this);
}

// One timer for the connection's life: it is set anew only when a deadline comes nearer; one that
// moved away is noticed when the timer runs.
void Connection::arm(std::int64_t deadline_us) {
    deadline_us_ = deadline_us;
    if (timer_waits_ && timer_us_ <= deadline_us) return;
    timer_us_ = deadline_us;
    timer_waits_ = true;
    const std::int64_t wait_us = std::max<std::int64_t>(0, deadline_us - world_.clock.steady_us());
    timer_.expires_after(std::chrono::microseconds(wait_us));
    timer_.async_wait([self = shared_from_this()](const ErrorCode& ec) { self->on_timer(ec); });
}

void Connection::on_timer(const ErrorCode& ec) {
    if (ec || phase_ == Phase::closed) return;
    timer_waits_ = false;
    if (world_.clock.steady_us() < deadline_us_) return arm(deadline_us_);
    on_deadline();
}

void Connection::on_deadline() {
    switch (phase_) {
        case Phase::resolving:
            return fail(Ending::name, "the name did not resolve in time");
        case Phase::seeking_proxy:
            return fail(Ending::exhausted, "the proxy's name did not resolve in time");
        case Phase::connecting:
            if (passes_over()) return connect_next();
            if (!tunnel_.empty())
                return fail(Ending::exhausted, "no connection to the proxy in time");
            return fail(Ending::timeout, "no connection in time");
        case Phase::tunnelling:
            return fail(Ending::timeout, "no connection through the proxy in time");
        case Phase::handshaking:
            return fail(Ending::timeout, "no TLS handshake in time");
        case Phase::idle:
            return end_idle();
        case Phase::busy:
            if (parser_->is_header_done()) return finish_answered(false);
            return fail(Ending::timeout, "no answer in time");
        case Phase::fresh:
        case Phase::closed:
            return;
    }
}

}  // namespace penstock::sinks::client
