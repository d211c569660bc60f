// How a Connection comes to stand: TLS, a greeting in both directions, and who refuses whom.
//
//   dialer                 acceptor
//   hello            ->  <-      hello
//   ready            ->                    the dialer knows what the acceptor drew: no replay
//                        <-    welcome     only now is anything taken
#include "broker/base/bytes.h"
#include "broker/model/peer_name.h"
#include "broker/replication/transport/connection.h"
#include "broker/replication/transport/peer_tls.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <utility>

namespace penstock::replication::transport {

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::int64_t wall_ms_max = std::int64_t{1} << 50;  // the year 37648
constexpr std::size_t drained_bytes_max = 64 * 1024;         // of one that was turned away

}  // namespace

asio::awaitable<bool> Connection::secure() {
    if (!tls_) co_return true;
    const auto role = dialed() ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
    const auto [failed] = co_await tls_->async_handshake(role, as_values);
    if (failed) note_tls_failure(failed);
    co_return !failed;
}

void Connection::note_tls_failure(const ErrorCode& failed) {
    if (phase_ == Phase::closed) return;
    how_ = LinkEnd::reset;
    problem_ = "TLS: " + failed.message();
    const bool of_tls = failed.category() == asio::error::get_ssl_category();
    if (is_alert_of_peer(failed)) {
        how_ = LinkEnd::refused;
        world_.complaints.refused_by(remote_, problem_);
    } else if (of_tls || !dialed()) {
        // A node that dies while it is dialed is no stranger; what comes to our port may be one.
        cut(tls_refusal(tls_->native_handle(), failed));
    }
}

asio::awaitable<bool> Connection::write_now(FrameKind kind, std::string payload) {
    std::string bytes;
    encoder_.append(bytes, kind, payload, {});
    const auto buffer = asio::buffer(bytes);
    if (tls_) {
        const auto [failed, count] = co_await asio::async_write(*tls_, buffer, as_values);
        co_return !failed;
    }
    const auto [failed, count] = co_await asio::async_write(socket_, buffer, as_values);
    co_return !failed;
}

asio::awaitable<bool> Connection::fill() {
    const auto [failed, bytes] = co_await read_some();
    rest_ = std::string_view(chunk_).substr(0, bytes);
    if (!failed || phase_ == Phase::closed) co_return phase_ != Phase::closed;
    problem_ = "it ended the connection before its greeting: " + failed.message();
    if (is_alert_of_peer(failed)) {
        how_ = LinkEnd::refused;
        world_.complaints.refused_by(remote_, failed.message());
    } else if (!dialed() && phase_ == Phase::handshake) {
        cut({Refusal::malformed, problem_});
    }
    co_return false;
}

asio::awaitable<bool> Connection::next_frame(Frame& frame) {
    for (;;) {
        const auto state = decoder_.feed(rest_, frame);
        if (state == FrameDecoder::State::whole) co_return true;
        if (state != FrameDecoder::State::more) co_return refuse_state(state);
        const bool more = co_await fill();
        if (!more) co_return false;
    }
}

asio::awaitable<bool> Connection::expect(FrameKind kind, Frame& frame) {
    const bool whole = co_await next_frame(frame);
    if (!whole) co_return false;
    if (frame.kind == kind) co_return true;
    if (frame.kind == FrameKind::refused) {
        note_refusal(frame.payload);
    } else {
        cut({Refusal::malformed, "a frame out of turn"});
    }
    co_return false;
}

void Connection::note_refusal(const std::string& payload) {
    Reader in(payload);
    const std::uint8_t reason = in.u8();
    const std::string detail = in.text();
    problem_ = "refused: " + detail;
    if (in.ok() && reason < refusal_count)
        problem_ += " (" + std::string(refusal_name(static_cast<Refusal>(reason))) + ")";
    world_.complaints.refused_by(remote_, problem_);
    cut(LinkEnd::refused);
}

asio::awaitable<bool> Connection::greet() {
    for (std::uint64_t& half : nonce_) half = world_.random.next();
    Greeting greeting{world_.options.hello, lane_, nonce_};
    greeting.hello.wall_ms = world_.clock.wall_ms();
    const bool written = co_await write_now(FrameKind::hello, encode_greeting(greeting));
    Frame frame;
    // What could not be written has its reason waiting to be read.
    const bool greeted = co_await expect(FrameKind::hello, frame);
    if (!greeted || !written) co_return false;
    auto refused = take_greeting(frame.payload);
    if (refused) {
        co_await turn_away(std::move(*refused));
        co_return false;
    }
    look_at_clock(hello_.wall_ms);
    if (dialed()) co_return co_await enter_as_dialer();
    co_return co_await enter_as_acceptor();
}

std::optional<Refused> Connection::take_greeting(const std::string& bytes) {
    auto theirs = decode_greeting(bytes);
    if (!theirs) return Refused{Refusal::malformed, theirs.error().detail};
    const Greeting& greeting = theirs.value();
    const std::uint64_t conversation = dialed() ? conversation_of(nonce_, greeting.nonce)
                                                : conversation_of(greeting.nonce, nonce_);
    encoder_.begin_conversation(conversation);
    decoder_.begin_conversation(conversation);
    hello_ = greeting.hello;
    if (!dialed()) lane_ = greeting.lane;
    return judge_identity();
}

std::optional<Refused> Connection::judge_identity() {
    if (auto refused = judge(world_.options.hello, hello_)) return refused;
    const std::string name = model::peer_name(hello_.node, hello_.cluster);
    if (tls_ && !certificate_names(tls_->native_handle(), name))
        return Refused{Refusal::wrong_certificate, "its certificate is not that of " + name};
    if (aim_ && aim_->node != hello_.node)
        return Refused{Refusal::wrong_node,
                       "node " + std::to_string(hello_.node.value) +
                           " answers at the address of node " + std::to_string(aim_->node.value)};
    return std::nullopt;
}

void Connection::look_at_clock(std::int64_t their_wall_ms) {
    // Any number may come: the difference must fit.
    const std::int64_t wall_ms = std::clamp(their_wall_ms, -wall_ms_max, wall_ms_max);
    clock_difference_ms_ = wall_ms - world_.clock.wall_ms();
    clock_told_us_ = now_us();
    world_.complaints.clock(hello_.node, clock_difference_ms_);
}

asio::awaitable<bool> Connection::enter_as_dialer() {
    const bool written = co_await write_now(FrameKind::ready, {});
    Frame frame;
    const bool welcome = co_await expect(FrameKind::welcome, frame);
    if (!welcome || !written) co_return false;
    auto refused = owner_.admit(*this);
    if (refused) {
        co_await turn_away(std::move(*refused));
        co_return false;
    }
    stand();
    co_return true;
}

asio::awaitable<bool> Connection::enter_as_acceptor() {
    Frame frame;
    const bool ready = co_await expect(FrameKind::ready, frame);
    if (!ready) co_return false;
    auto refused = owner_.admit(*this);
    if (refused) {
        co_await turn_away(std::move(*refused));
        co_return false;
    }
    stand();
    push({FrameKind::welcome, 0, {}});
    co_return true;
}

void Connection::stand() {
    decoder_.allow(frame_bytes_max + sizeof(std::uint64_t));
    phase_ = Phase::standing;
    deadline_us_ = 0;
    stood_since_us_ = heard_us_ = sent_us_ = now_us();
    problem_.clear();
}

// The other side reads why; what it has sent meanwhile is drained, so that closing does not
// destroy the reason on its way.
asio::awaitable<void> Connection::turn_away(Refused refused) {
    if (phase_ == Phase::closed) co_return;
    how_ = LinkEnd::refused;
    problem_ = refused.detail + " (" + std::string(refusal_name(refused.reason)) + ")";
    phase_ = Phase::turning_away;
    world_.complaints.refuse(refused, remote_);
    std::string payload;
    Writer out(payload);
    out.u8(static_cast<std::uint8_t>(refused.reason));
    out.bytes(std::string_view(refused.detail).substr(0, hello_text_bytes_max));
    bool open = co_await write_now(FrameKind::refused, std::move(payload));
    ErrorCode ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    std::size_t drained = 0;
    while (open && drained < drained_bytes_max) {
        const auto [failed, bytes] = co_await read_some();
        drained += bytes;
        open = !failed;
    }
}

}  // namespace penstock::replication::transport
