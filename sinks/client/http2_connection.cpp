#include "sinks/client/http2_connection.h"

#include "sinks/client/ending.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::sinks::client {
namespace {

constexpr std::int64_t us_per_ms = 1'000;

std::int64_t us(std::uint32_t milliseconds) {
    return std::int64_t{milliseconds} * us_per_ms;
}

}  // namespace

Http2Connection::Http2Connection(
    Surroundings& surroundings, Owner& owner, Origin origin, std::uint64_t number, Opened opened)
    : world_(surroundings),
      owner_(owner),
      origin_(std::move(origin)),
      number_(number),
      transport_(std::move(opened.transport)),
      target_(std::move(opened.target)),
      opened_us_(opened.opened_us),
      timer_(surroundings.executor) {}

void Http2Connection::begin() {
    heard_us_ = now_us();
    idle_since_us_ = heard_us_;
    arm(next_deadline_us());
    read();
    flush_soon();
}

void Http2Connection::start(std::unique_ptr<Job> job) {
    const std::int64_t now = now_us();
    if (jobs_.empty()) busy_since_us_ = now;
    const Outgoing& request = job->request;
    const StreamId id = session_.start(request.head, request.body, request.answer_bytes_max);
    arm(std::min(job->deadline_us, quiet_end_us()));
    jobs_.emplace(id, Flight{std::move(job), now});
    flush_soon();
}

std::size_t Http2Connection::room() const {
    const bool unfit = closed_ || broken_ || pinged_us_ != 0 || !session_.ready() || ending();
    if (unfit || (idle() && !transport_->quiet())) return 0;
    return session_.room();
}

std::vector<std::unique_ptr<Job>> Http2Connection::close() {
    shut();
    std::vector<std::unique_ptr<Job>> unfinished;
    for (auto& [id, flight] : std::exchange(jobs_, {})) {
        unfinished.push_back(std::move(flight.job));
    }
    return unfinished;
}

void Http2Connection::shut() {
    closed_ = true;
    ErrorCode ignored;  // closing a socket that is broken already changes nothing
    transport_->socket.close(ignored);
    timer_.cancel();
}

void Http2Connection::read() {
    transport_->tls->async_read_some(
        asio::buffer(received_),
        [self = shared_from_this()](const ErrorCode& ec, std::size_t bytes) {
            if (!self->closed_) self->on_read(ec, bytes);
        });
}

void Http2Connection::on_read(const ErrorCode& ec, std::size_t bytes) {
    if (ec && is_end_of_stream(ec)) return give_up("connection closed without an answer");
    if (is_tls_alert(ec)) {
        lost_ = Ending::tls;
        return give_up(refused_by_peer(ec));
    }
    if (ec) return give_up("connection lost: " + ec.message());
    heard_us_ = now_us();
    if (std::exchange(pinged_us_, 0) != 0) arm(next_deadline_us());
    session_.receive({received_.data(), bytes});
    flush();
    if (!closed_) read();
}

// What is begun in one turn of the loop goes out in one write.
void Http2Connection::flush_soon() {
    if (std::exchange(flush_posted_, true)) return;
    asio::post(world_.executor, [self = shared_from_this()]() {
        self->flush_posted_ = false;
        if (!self->closed_) self->flush();
    });
}

void Http2Connection::flush() {
    if (!write_waits_) {
        writing_.clear();
        session_.fill(writing_);
        if (!writing_.empty()) write();
    }
    settle();
    if (!closed_ && session_.over()) give_up(session_.why());
}

void Http2Connection::write() {
    write_waits_ = true;
    asio::async_write(*transport_->tls,
                      asio::buffer(writing_),
                      [self = shared_from_this()](const ErrorCode& ec, std::size_t bytes) {
                          if (!self->closed_) self->on_written(ec, bytes);
                      });
}

void Http2Connection::on_written(const ErrorCode& ec, std::size_t bytes) {
    if (ec) {
        // The server may have answered before it closed: what it sent is still read, and the read
        // ends the rest.
        broken_ = true;
        unsent_ = bytes == 0;
        return;
    }
    write_waits_ = false;
    flush();
}

// Tells the owner what the session knows.
void Http2Connection::settle() {
    if (!told_ready_ && session_.ready()) {
        told_ready_ = true;
        owner_.on_ready(*this);
    }
    for (Http2Session::Ended& ended : session_.take_ended()) {
        if (closed_) return;
        conclude(std::move(ended), lost_);
    }
    if (closed_ || !idle() || !ending()) return;
    shut();
    owner_.on_closed(*this);
}

// `lost`: what it is when there is no answer.
void Http2Connection::conclude(Http2Session::Ended ended, Ending lost) {
    using How = Http2Session::How;
    const auto found = jobs_.find(ended.stream);
    std::unique_ptr<Job> job = std::move(found->second.job);
    jobs_.erase(found);
    if (idle()) {
        idle_since_us_ = now_us();
        arm(next_deadline_us());
    }
    Exchange exchange;
    exchange.ending = ended.how == How::answered ? Ending::answered : lost;
    exchange.answer = std::move(ended.answer);
    exchange.complete = ended.complete;
    exchange.target = target_;
    exchange.detail = std::move(ended.detail);
    if (ended.how == How::unprocessed || ended.how == How::wants_http_1) {
        const bool wants_http1 = ended.how == How::wants_http_1;
        return owner_.on_unprocessed(*this, std::move(job), std::move(exchange), wants_http1);
    }
    owner_.on_finished(*this, std::move(job), std::move(exchange));
}

void Http2Connection::give_up(const std::string& why) {
    session_.lose(why, unsent_);
    settle();
}

bool Http2Connection::ending() const {
    const bool aged = now_us() >= opened_us_ + us(world_.options.age_ms_max);
    return retired_ || aged || session_.draining();
}

// When the server has been silent for too long while exchanges wait.
std::int64_t Http2Connection::quiet_end_us() const {
    const ClientOptions& options = world_.options;
    if (pinged_us_ != 0) return pinged_us_ + us(options.http2_ping_ms_max);
    return std::max(heard_us_, busy_since_us_) + us(options.http2_quiet_ms_max);
}

std::int64_t Http2Connection::next_deadline_us() const {
    const ClientOptions& options = world_.options;
    std::int64_t next = quiet_end_us();
    if (idle() && pinged_us_ == 0) {
        next =
            std::min(idle_since_us_ + us(options.idle_ms_max), opened_us_ + us(options.age_ms_max));
    }
    if (!session_.ready()) next = std::min(next, opened_us_ + us(options.tls_ms_max));
    for (const auto& [id, flight] : jobs_) next = std::min(next, flight.job->deadline_us);
    return next;
}

// One timer, as in Connection: set anew only when a deadline comes nearer.
void Http2Connection::arm(std::int64_t deadline_us) {
    if (timer_waits_ && timer_us_ <= deadline_us) return;
    timer_us_ = deadline_us;
    timer_waits_ = true;
    timer_.expires_after(
        std::chrono::microseconds(std::max<std::int64_t>(0, deadline_us - now_us())));
    timer_.async_wait([self = shared_from_this()](const ErrorCode& ec) { self->on_timer(ec); });
}

void Http2Connection::on_timer(const ErrorCode& ec) {
    if (ec || closed_) return;
    timer_waits_ = false;
    end_late();
    if (closed_) return;
    const std::int64_t now = now_us();
    if (!session_.ready() && now >= opened_us_ + us(world_.options.tls_ms_max)) {
        return give_up("no HTTP/2 greeting in time");
    }
    if ((!idle() || pinged_us_ != 0) && now >= quiet_end_us()) {
        if (pinged_us_ != 0) return give_up("no sign of life in time");
        ask_for_life();
    }
    if (idle() && pinged_us_ == 0 && now >= next_deadline_us()) {
        shut();
        return owner_.on_closed(*this);
    }
    arm(next_deadline_us());
}

void Http2Connection::ask_for_life() {
    pinged_us_ = now_us();
    session_.ping();
    flush_soon();
}

void Http2Connection::end_late() {
    settle();
    if (closed_) return;
    const std::int64_t now = now_us();
    std::vector<StreamId> late;
    for (const auto& [id, flight] : jobs_) {
        if (flight.job->deadline_us <= now) late.push_back(id);
    }
    for (const StreamId id : late) {
        // Not a word since it began: the server may be gone, and the next ones are not risked.
        if (pinged_us_ == 0 && heard_us_ < jobs_.at(id).begun_us) ask_for_life();
        Http2Session::Ended ended = session_.cancel(id);
        if (ended.how == Http2Session::How::lost) ended.detail = "no answer in time";
        conclude(std::move(ended), Ending::timeout);
        if (closed_) return;
    }
    if (!late.empty()) flush_soon();
}

}  // namespace penstock::sinks::client
