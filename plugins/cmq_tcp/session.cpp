#include "plugins/cmq_tcp/session.h"

#include "broker/base/hash.h"
#include "plugins/cmq_tcp/authentication.h"
#include "plugins/cmq_tcp/translate.h"
#include "plugins/cmq_tcp/wire.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace penstock::plugins::cmq_tcp {

namespace {

using Errors = boost::system::error_code;

constexpr std::size_t scratch_bytes = 256 * 1024;
constexpr std::chrono::milliseconds room_pause{100};  // between two looks for room
constexpr std::size_t kept_output_bytes = 16 * 1024;  // capacity that an idle connection may keep

std::int64_t us_of(std::chrono::milliseconds time) {
    return std::chrono::microseconds(time).count();
}

// By what the request has for fields.
Action action_of(const Request& request) {
    if (request.is(Command::heartbeat)) return Action::heartbeat;
    constexpr std::array actions{Action::other,
                                 Action::greeting,
                                 Action::send,
                                 Action::receive,
                                 Action::remove,
                                 Action::publish,
                                 Action::confirm};
    static_assert(actions.size() == std::variant_size_v<decltype(Request::fields)>);
    return actions[request.fields.index()];
}

cmq::Failure judge_fields(const Request& request) {
    return std::visit(
        [](const auto& fields) -> cmq::Failure {
            if constexpr (requires { judge(fields); }) {
                return judge(fields);
            } else {
                return {};
            }
        },
        request.fields);
}

}  // namespace

Desk::Desk(api::Broker& asked,
           const TcpLimits& bounds,
           Counters& counted,
           std::uint64_t seed_of_ids)
    : broker(asked),
      limits(bounds),
      counters(counted),
      scratch(scratch_bytes, '\0'),
      seed(seed_of_ids) {}

std::uint64_t Desk::next_request_id() {
    return mix64(seed + ++replies);
}

Session::Session(Lane& lane, Desk& desk, Stream stream)
    : lane_(lane), desk_(desk), stream_(std::move(stream)) {}

// ---- the lane's side ----------------------------------------------------------------------------

void Session::start() {
    stream_.start();
    signal.slot().assign([this](asio::cancellation_type) { begin_to_end(); });
    lane_.enter(*this);
    desk_.counters.count_connection();
    const std::int64_t now = now_us();
    greet_until_us_ = now + us_of(desk_.limits.authentication_timeout);
    idle_until_us_ = now + us_of(desk_.limits.idle_timeout);
    if (!stream_.is_agreed()) lane_.begin(*this, Phase::handshake, desk_.limits.handshake_timeout);
    read();
    watch();
}

// Posted: the lane is in the middle of its list.
void Session::expire() {
    deadline_us = 0;
    const std::int64_t now = now_us();
    if (starved_ && now < due_us()) {
        return asio::post(lane_.context(), [self = shared_from_this()]() {
            if (!self->closed_) self->look_for_room();
        });
    }
    const auto passed = [now](std::int64_t until_us) {
        return until_us != 0 && until_us <= now;
    };
    const bool unfinished = passed(greet_until_us_) || passed(frame_until_us_);
    if (phase != Phase::handshake && unfinished && !lane_.stopping()) lane_.count_slow(*this);
    cut();
}

void Session::look_for_room() {
    if (ending_) return close();
    starved_ = false;
    go_on();
}

void Session::cut() {
    asio::post(lane_.context(), [self = shared_from_this()] { self->close(); });
}

void Session::release_memory() {}

int Session::native_handle() {
    return stream_.socket().native_handle();
}

void Session::begin_to_end() {
    ending_ = true;
    if (producer_) producer_->stop();
    for (const auto& [number, pull] : pulls_) {
        if (pull) pull->cancel();
    }
    flush_soon();
}

void Session::close() {
    if (std::exchange(closed_, true)) return;
    const auto self = std::exchange(starving_, nullptr);
    signal.slot().clear();
    stream_.close();
    if (producer_) producer_->stop();
    for (const auto& [number, pull] : pulls_) {
        if (pull) pull->cancel();
    }
    for (const Held& held : std::exchange(held_, {})) give_back(held.queue, held.receipts);
    rest_ = std::string();
    share_.reset();
    output_ = std::string();
    lane_.leave(*this);
}

void Session::watch() {
    if (closed_ || phase == Phase::handshake) return;
    std::int64_t until = due_us();
    // It has not come to its end then: expire() looks whether there is room by now.
    if (starved_) until = std::min(until, now_us() + us_of(room_pause));
    phase = at_rest() ? Phase::idle : Phase::serving;
    lane_.extend(*this, until);
}

// When it comes to its end if nothing happens.
std::int64_t Session::due_us() const {
    std::int64_t until = idle_until_us_;
    for (const std::int64_t other : {greet_until_us_, frame_until_us_, write_until_us_}) {
        if (other != 0) until = std::min(until, other);
    }
    return until;
}

bool Session::at_rest() const {
    return requests_ == 0 && pulls_.empty() && output_.empty();
}

// ---- reading ------------------------------------------------------------------------------------

bool Session::full() const {
    const TcpLimits& limits = desk_.limits;
    return starved_ || requests_ >= limits.requests_max ||
           request_bytes_ >= limits.request_bytes_max ||
           output_.size() - sent_ >= limits.output_bytes_max;
}

void Session::read() {
    if (reading_ || closed_ || ending_ || full()) return;
    if (!stream_.has_more()) return await(Socket::wait_read);
    reading_ = true;
    asio::post(lane_.context(), [self = shared_from_this()] {
        self->reading_ = false;
        if (!self->closed_) self->readable();
    });
}

void Session::await(Socket::wait_type readiness) {
    reading_ = true;
    stream_.socket().async_wait(readiness, [self = shared_from_this()](const Errors& failed) {
        self->reading_ = false;
        if (self->closed_) return;
        if (failed) return self->close();
        self->readable();
    });
}

// Both sides know how they will speak: it may be silent now as long as any other.
void Session::agreed() {
    lane_.begin(*this, Phase::idle, {});
    watch();
}

void Session::readable() {
    const Stream::Moved moved = stream_.read(desk_.scratch.data(), desk_.scratch.size());
    if (phase == Phase::handshake && stream_.is_agreed()) agreed();
    if (moved.state == Stream::State::lost) return close();
    if (moved.state == Stream::State::wants_write) return await(Socket::wait_write);
    if (moved.state == Stream::State::wants_read) return read();
    idle_until_us_ = now_us() + us_of(desk_.limits.idle_timeout);
    // A key that was taken away ends its connections.
    const bool stranger = greet_until_us_ != 0;
    if (!stranger && !api::is_known(desk_.broker, principal_)) return close();
    take_input({desk_.scratch.data(), moved.bytes});
    go_on();
}

void Session::take_input(std::string_view fresh) {
    if (rest_.empty()) {
        const std::size_t taken = take_frames(fresh);
        if (!closed_ && taken < fresh.size()) rest_ = fresh.substr(taken);
        return;
    }
    rest_.append(fresh);
    const std::size_t taken = take_frames(rest_);
    if (closed_) return;
    rest_.erase(0, taken);
    if (rest_.empty()) rest_ = std::string();
}

// Takes whole frames as long as there is room; gives the bytes they had. May close.
std::size_t Session::take_frames(std::string_view input) {
    std::size_t taken = 0;
    bool unfinished = false;
    while (!closed_ && !ending_ && !full() && taken < input.size()) {
        const bool stranger = greet_until_us_ != 0;
        const Frame frame = first_frame(
            input.substr(taken),
            stranger ? desk_.limits.stranger_frame_bytes_max : desk_.limits.frame_bytes_max);
        unfinished = frame.state == Frame::State::partial;
        starved_ = unfinished && !has_room(frame.bytes);
        if (unfinished) break;
        if (frame.state == Frame::State::broken || !take(frame.payload, frame.bytes)) {
            close();
            return taken;
        }
        share_.reset();
        taken += frame.bytes;
        frame_until_us_ = 0;
    }
    if (!unfinished) {
        frame_until_us_ = 0;
    } else if (frame_until_us_ == 0) {
        const std::size_t seconds =
            desk_.limits.frame_bytes_max / desk_.limits.frame_bytes_per_second_min;
        frame_until_us_ =
            now_us() + us_of(desk_.limits.frame_timeout) + us_of(std::chrono::seconds(seconds));
    }
    return taken;
}

// For a frame of so many bytes, 0: nobody knows yet.
bool Session::has_room(std::size_t frame_bytes) {
    const TcpLimits& limits = desk_.limits;
    if (frame_bytes <= limits.large_frame_bytes) return true;
    if (!share_) share_ = std::make_shared<LargeBytes::Share>(lane_.shared().large_bytes);
    return share_->grow_to(frame_bytes, limits.large_frames_bytes_max);
}

// False: what it says is no CMQProto, the connection is of no use.
bool Session::take(std::string_view payload, std::size_t bytes) {
    const auto request = decode_request(payload);
    if (!request) return false;
    desk_.counters.count(action_of(*request));
    if (request->is(Command::heartbeat)) {
        echo(payload);
        return true;
    }
    const Ticket ticket{request->seqno, request->command, request->one_way, bytes, share_};
    if (const auto* claim = std::get_if<Authenticate>(&request->fields)) {
        greet(*claim, ticket);
        return true;
    }
    if (!admit(*request, ticket)) return true;
    std::visit(
        [&](const auto& fields) {
            using Fields = std::decay_t<decltype(fields)>;
            constexpr bool asks =
                !std::is_same_v<Fields, std::monostate> && !std::is_same_v<Fields, Authenticate>;
            if constexpr (asks) ask(ticket, fields);
        },
        request->fields);
    return true;
}

bool Session::admit(const Request& request, const Ticket& ticket) {
    namespace faults = cmq::faults;
    cmq::Failure failure;
    if (greet_until_us_ != 0) {
        failure.fault = faults::not_authenticated;
        failure.fault.code = result_not_authenticated;
    } else if (std::holds_alternative<std::monostate>(request.fields)) {
        failure = {faults::unknown_action, std::to_string(request.command)};
    } else if (!request.missing.empty()) {
        failure = {faults::missing, std::string(request.missing)};
    } else {
        failure = judge_fields(request);
    }
    if (failure.none()) return true;
    refuse(ticket, failure);
    return false;
}

void Session::greet(const Authenticate& claim, const Ticket& ticket) {
    cmq::Failure failure;
    if (greet_until_us_ == 0) {
        failure.fault = cmq::faults::already_authenticated;
        failure.fault.code = result_already_authenticated;
        return refuse(ticket, failure);
    }
    failure = authenticate(claim, desk_.broker, principal_);
    if (failure.none()) {
        greet_until_us_ = 0;
    } else {
        ending_ = true;
    }
    refuse(ticket, failure);
}

void Session::echo(std::string_view payload) {
    const std::size_t frame = begin_frame(output_);
    output_.append(payload);
    end_frame(output_, frame);
    flush_soon();
}

// ---- answering ----------------------------------------------------------------------------------

void Session::refuse(const Ticket& ticket, const cmq::Failure& failure) {
    Reply reply;
    reply.command = ticket.command;
    if (!failure.none()) tell(reply, failure);
    answer(ticket, std::move(reply));
}

void Session::answer(const Ticket& ticket, Reply reply) {
    flush_soon();
    // Not later: whoever answered may keep the ticket for a while.
    if (ticket.share) ticket.share->give_back();
    if (ticket.one_way) return;
    reply.seqno = ticket.seqno;
    reply.request_id = desk_.next_request_id();
    append_reply(output_, reply);
}

// What is answered until the thread comes to it leaves in one write.
void Session::flush_soon() {
    if (std::exchange(flushing_, true)) return;
    asio::post(lane_.context(), [self = shared_from_this()] {
        self->flushing_ = false;
        if (!self->closed_) self->flush();
    });
}

void Session::flush() {
    if (!writing_ && !write_all()) return close();
    if (ending_ && at_rest()) return close();
    go_on();
}

bool Session::write_all() {
    auto state = Stream::State::moved;
    while (sent_ < output_.size() && state == Stream::State::moved) {
        const auto moved = stream_.write(output_.data() + sent_, output_.size() - sent_);
        state = moved.state;
        sent_ += moved.bytes;
        sent_in_all_ += moved.bytes;
    }
    if (state == Stream::State::lost) return false;
    while (!held_.empty() && held_.front().end <= sent_in_all_) held_.pop_front();
    output_.erase(0, sent_);
    sent_ = 0;
    write_until_us_ = 0;
    if (output_.empty()) {
        if (output_.capacity() > kept_output_bytes) output_ = std::string();
        return true;
    }
    writing_ = true;
    write_until_us_ = now_us() + us_of(desk_.limits.write_timeout);
    auto writable = [self = shared_from_this()](const Errors& lost) {
        self->writing_ = false;
        if (self->closed_) return;
        if (lost) return self->close();
        self->flush();
    };
    stream_.socket().async_wait(Socket::wait_write, std::move(writable));
    return true;
}

// There may be room again for what was put aside.
void Session::go_on() {
    if (closed_) return;
    if (!rest_.empty() && !reading_ && !ending_ && !full()) take_input({});
    if (closed_) return;
    starving_ = starved_ ? shared_from_this() : nullptr;
    read();
    watch();
}

}  // namespace penstock::plugins::cmq_tcp
