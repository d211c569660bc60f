#include "broker/replication/transport/connection.h"

#include "broker/base/bytes.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace penstock::replication::transport {

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t chunk_bytes = 64 * 1024;
constexpr std::size_t batch_bytes_kept = 1024 * 1024;  // of memory, between writes
constexpr std::size_t correlation_bytes = 8;
constexpr std::chrono::milliseconds leave_grace{500};

std::int64_t us(std::chrono::milliseconds time) {
    return std::chrono::microseconds(time).count();
}

}  // namespace

Connection::Connection(Surroundings& world, Owner& owner, Socket socket, std::optional<Aim> aim)
    : world_(world),
      owner_(owner),
      socket_(std::move(socket)),
      aim_(aim),
      decoder_(greeting_bytes_max),
      chunk_(chunk_bytes, '\0'),
      queue_(world.limits().queue_bytes_max, world.limits().queue_frames_max),
      questions_(world.limits().questions_max) {
    if (world.tls) tls_.emplace(socket_, *world.tls);
    if (aim) lane_ = aim->lane;
    ErrorCode ignored;  // a socket that is broken already says so at the first read
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto there = socket_.remote_endpoint(ignored);
    remote_ = there.address().to_string() + ":" + std::to_string(there.port());
    deadline_us_ = now_us() + us(world.limits().handshake);
}

asio::awaitable<void> Connection::run() {
    const auto self = shared_from_this();
    bool open = co_await secure();
    if (open) open = co_await greet();
    if (open) co_await converse();
    close();
    fail(questions_.end_all(error(Errc::unavailable, "the connection ended: " + problem_)));
}

asio::awaitable<Connection::Done> Connection::read_some() {
    const auto room = asio::buffer(chunk_);
    if (tls_) co_return co_await tls_->async_read_some(room, as_values);
    co_return co_await socket_.async_read_some(room, as_values);
}

asio::awaitable<void> Connection::converse() {
    bool open = take_frames();
    while (open) {
        const auto [failed, bytes] = co_await read_some();
        if (failed) {
            end_by(failed);
            break;
        }
        heard_us_ = now_us();
        world_.statistics.bytes_received += bytes;
        rest_ = std::string_view(chunk_).substr(0, bytes);
        open = take_frames();
    }
}

bool Connection::take_frames() {
    Frame frame;
    while (standing()) {
        const auto state = decoder_.feed(rest_, frame);
        if (state == FrameDecoder::State::more) return true;
        if (state != FrameDecoder::State::whole) return refuse_state(state);
        if (!take(std::move(frame))) return false;
    }
    return false;
}

bool Connection::refuse_state(FrameDecoder::State state) {
    switch (state) {
        case FrameDecoder::State::damaged:
            cut({Refusal::damaged, "a frame with a wrong checksum"});
            break;
        case FrameDecoder::State::replayed:
            cut({Refusal::replayed, "a frame of another connection, or out of order"});
            break;
        default:
            cut({Refusal::malformed, "bytes that are no frame, or a frame that is too long"});
    }
    return false;
}

bool Connection::take(Frame frame) {
    if (frame.kind == FrameKind::beat) {
        take_beat(frame.payload);
        return true;
    }
    if (frame.kind == FrameKind::bye) {
        problem_ = "it left";
        how_ = LinkEnd::closed;
        close();
        return false;
    }
    if (dialed()) return take_from_acceptor(std::move(frame));
    return take_from_dialer(std::move(frame));
}

void Connection::take_beat(const std::string& payload) {
    Reader in(payload);
    const std::int64_t wall_ms = in.i64();
    // Of a build that tells nothing, it is empty.
    if (in.ok()) look_at_clock(wall_ms);
}

bool Connection::take_from_dialer(Frame frame) {
    if (frame.kind == FrameKind::message) {
        ++world_.statistics.frames_received;
        world_.listener.on_frame(hello_.node, lane_, std::move(frame.payload));
        return true;
    }
    if (frame.kind == FrameKind::question && frame.payload.size() >= correlation_bytes) {
        ++world_.statistics.frames_received;
        const std::uint64_t correlation = Reader(frame.payload).u64();
        frame.payload.erase(0, correlation_bytes);
        return take_question(correlation, std::move(frame.payload));
    }
    cut({Refusal::malformed, "a frame that a dialer does not send"});
    return false;
}

bool Connection::take_question(std::uint64_t correlation, std::string body) {
    const std::size_t queued_max = world_.limits().questions_max;
    if (unanswered_.size() >= queued_max) {
        // Not looked at: the questioner may be told that it certainly had no effect. Is there no
        // room even for that, it will learn nothing by its deadline.
        if (!push({FrameKind::busy, correlation, {}})) ++world_.statistics.answers_dropped;
        return true;
    }
    if (correlation == 0 || !unanswered_.insert(correlation).second) {
        cut({Refusal::malformed, "a question without a number of its own"});
        return false;
    }
    world_.listener.on_question(hello_.node, lane_, std::move(body), responder(correlation));
    return true;
}

Respond Connection::responder(std::uint64_t correlation) {
    return [weak = weak_from_this(),
            context = std::weak_ptr<asio::io_context>(world_.context),
            posted = world_.posted_bytes,
            bytes_max = world_.limits().inbox_bytes_max,
            correlation](std::string body) {
        const auto alive = context.lock();
        if (!alive) return;
        std::size_t bytes = body.size();
        std::optional<std::string> kept;
        if (posted->fetch_add(bytes) + bytes <= bytes_max) {
            kept = std::move(body);
        } else {
            posted->fetch_sub(bytes);
            bytes = 0;
        }
        asio::post(*alive, [weak, posted, bytes, correlation, kept = std::move(kept)]() mutable {
            posted->fetch_sub(bytes);
            if (const auto self = weak.lock()) self->answer(correlation, std::move(kept));
        });
    };
}

void Connection::answer(std::uint64_t correlation, std::optional<std::string> body) {
    if (unanswered_.erase(correlation) == 0) return;
    const bool fits = body && body->size() <= frame_bytes_max;
    if (fits && standing() && push({FrameKind::answer, correlation, std::move(*body)})) return;
    ++world_.statistics.answers_dropped;
}

bool Connection::take_from_acceptor(Frame frame) {
    const bool known = frame.kind == FrameKind::answer || frame.kind == FrameKind::busy;
    if (!known || frame.payload.size() < correlation_bytes) {
        cut({Refusal::malformed, "a frame that an acceptor does not send"});
        return false;
    }
    ++world_.statistics.frames_received;
    const auto take = questions_.take(Reader(frame.payload).u64());
    if (!take) return true;  // its deadline has passed
    if (frame.kind == FrameKind::busy) {
        ++world_.statistics.questions_failed;
        (*take)(AskFailure{error(Errc::unavailable, "the node is too busy"), false});
        return true;
    }
    frame.payload.erase(0, correlation_bytes);
    (*take)(std::move(frame.payload));
    return true;
}

bool Connection::send(std::string message) {
    return standing() && !leaving_ && push({FrameKind::message, 0, std::move(message)});
}

void Connection::ask(std::string question, std::int64_t deadline_us, TakeAnswer take) {
    std::string_view why;
    if (!standing() || leaving_) {
        why = "not connected";
    } else if (questions_.full()) {
        why = "too many questions are open";
    } else {
        const std::uint64_t correlation = questions_.add(std::move(take), deadline_us);
        if (push({FrameKind::question, correlation, std::move(question)})) return;
        take = *questions_.take(correlation);
        why = "the queue is full";
    }
    ++world_.statistics.questions_failed;
    take(AskFailure{error(Errc::unavailable, std::string(why)), false});
}

void Connection::leave() {
    if (phase_ == Phase::handshake) cut(LinkEnd::closed);
    if (!standing() || leaving_) return;
    leaving_ = true;
    deadline_us_ = now_us() + us(leave_grace);
    write();
}

void Connection::cut(LinkEnd how) {
    if (phase_ == Phase::closed) return;
    how_ = how;
    close();
}

void Connection::cut(Refused refused) {
    if (phase_ == Phase::closed) return;
    world_.complaints.refuse(refused, remote_);
    problem_ = std::move(refused.detail);
    cut(LinkEnd::refused);
}

void Connection::close() {
    phase_ = Phase::closed;
    ErrorCode ignored;  // closing a socket that is broken already changes nothing
    socket_.close(ignored);
}

void Connection::end_by(const ErrorCode& failed) {
    if (phase_ == Phase::closed) return;
    problem_ = failed.message();
    cut(LinkEnd::reset);
}

void Connection::fail(std::vector<Questions::Ended> ended) {
    world_.statistics.questions_failed += ended.size();
    for (auto& question : ended) question.take(std::move(question.failure));
}

void Connection::tick(std::int64_t now_us) {
    if (phase_ == Phase::closed) return;
    if (deadline_us_ != 0 && now_us >= deadline_us_) return on_deadline();
    if (!standing()) return;
    fail(questions_.expire(now_us));
    const PeerLimits& limits = world_.limits();
    const bool silent = now_us - heard_us_ > us(limits.silence);
    const bool stuck = writing_ && now_us - progress_us_ > us(limits.stall);
    if (silent || stuck) {
        problem_ = silent ? "nothing was heard from it" : "it takes nothing of what is written";
        return cut(LinkEnd::timed_out);
    }
    const bool quiet = !writing_ && now_us - sent_us_ >= us(limits.beat);
    if (!quiet || leaving_) return;
    std::string payload;
    Writer(payload).i64(world_.clock.wall_ms());
    push({FrameKind::beat, 0, std::move(payload)});
}

void Connection::on_deadline() {
    if (phase_ == Phase::handshake) return cut({Refusal::too_slow, "no handshake in time"});
    cut(standing() ? LinkEnd::closed : how_);
}

bool Connection::push(Outgoing frame) {
    if (!queue_.push(std::move(frame))) return false;
    write();
    return true;
}

bool Connection::wanted(const Outgoing& frame) {
    if (frame.kind == FrameKind::question && !questions_.leaves(frame.correlation)) return false;
    const bool counts = frame.kind == FrameKind::message || frame.kind == FrameKind::question ||
                        frame.kind == FrameKind::answer;
    if (counts) ++world_.statistics.frames_sent;
    return true;
}

void Connection::refill() {
    batch_.clear();
    if (batch_.capacity() > batch_bytes_kept) batch_ = std::string();
    batch_written_ = 0;
    queue_.fill(batch_, encoder_, [this](const Outgoing& frame) { return wanted(frame); });
    if (!batch_.empty() || !leaving_) return;
    if (bye_written_) return cut(LinkEnd::closed);
    encoder_.append(batch_, FrameKind::bye, {}, {});
    bye_written_ = true;
}

void Connection::write() {
    if (writing_ || !standing()) return;
    refill();
    if (!batch_.empty() && standing()) write_rest();
}

void Connection::write_rest() {
    writing_ = true;
    progress_us_ = now_us();
    const auto rest = asio::buffer(batch_) + batch_written_;
    auto handler = [self = shared_from_this()](const ErrorCode& failed, std::size_t bytes) {
        self->on_written(failed, bytes);
    };
    if (tls_) {
        tls_->async_write_some(rest, std::move(handler));
    } else {
        socket_.async_write_some(rest, std::move(handler));
    }
}

void Connection::on_written(const ErrorCode& failed, std::size_t bytes) {
    writing_ = false;
    if (failed) return end_by(failed);
    if (!standing()) return;
    world_.statistics.bytes_sent += bytes;
    sent_us_ = now_us();
    batch_written_ += bytes;
    if (batch_written_ < batch_.size()) return write_rest();
    write();
}

}  // namespace penstock::replication::transport
