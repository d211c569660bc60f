#include "plugins/cmq_tcp/client/client.h"

#include "broker/api/signature.h"
#include "plugins/cmq_tcp/wire.h"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::plugins::cmq_tcp {

namespace asio = boost::asio;

namespace {

using Errors = boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds answer_time_max{15'000};  // the server's own is 10 s; plus the poll
constexpr milliseconds poll_time_max{30'000};    // of a pull that leaves it to the queue
constexpr seconds tick_period{1};
constexpr seconds heartbeat_after{3};
constexpr std::size_t reply_bytes_max = 64 * 1024 * 1024;
constexpr std::string_view client_id = "penstock@client";

milliseconds poll_of(const Pull& fields) {
    return fields.wait_s ? milliseconds(seconds(*fields.wait_s)) : poll_time_max;
}

}  // namespace

Client::Client(asio::io_context& context,
               const Tcp::endpoint& endpoint,
               ClientKey key,
               std::optional<ClientTls> tls)
    : context_(context),
      endpoint_(endpoint),
      key_(std::move(key)),
      tls_(std::move(tls)),
      wire_(std::make_shared<Wire>(context)),
      ticker_(context) {}

Client::~Client() {
    ++*life_;
}

template <class Fields>
void Client::ask(Command command, const Fields& fields, milliseconds poll, Done done) {
    Request request;
    request.seqno = ++seqno_;
    request.command = static_cast<std::int32_t>(command);
    request.fields = fields;
    append_request(next_, request);
    const Moment until = steady_clock::now() + answer_time_max + poll;
    if (waiting_.empty()) tick();
    waiting_.emplace(request.seqno, Waiting{std::move(done), until});
    if (state_ == State::closed) connect();
    if (state_ == State::open) write_soon();
}

void Client::send(const Send& fields, Done done) {
    const bool one = fields.bodies.size() == 1;
    ask(one ? Command::send : Command::send_batch, fields, {}, std::move(done));
}

void Client::pull(const Pull& fields, Done done) {
    const bool one = fields.messages_max == 1;
    ask(one ? Command::pull : Command::pull_batch, fields, poll_of(fields), std::move(done));
}

void Client::remove(const Remove& fields, Done done) {
    const bool one = fields.receipts.size() == 1;
    ask(one ? Command::remove : Command::remove_batch, fields, {}, std::move(done));
}

void Client::publish(const Publish& fields, Done done) {
    const bool one = fields.bodies.size() == 1;
    ask(one ? Command::publish : Command::publish_batch, fields, {}, std::move(done));
}

void Client::confirm(const Confirm& fields, Done done) {
    ask(Command::confirm, fields, {}, std::move(done));
}

void Client::set_checker(Checker checker) {
    checker_ = std::move(checker);
    if (checker_ && state_ != State::closed) tick();
}

void Client::close() {
    asio::post(context_, [this, life = life_, number = *life_] {
        if (*life == number) lost("the connection was closed");
    });
}

// ---- the connection -----------------------------------------------------------------------------

void Client::connect() {
    state_ = State::connecting;
    wire_ = std::make_shared<Wire>(context_);
    auto connected = [this, wire = wire_, life = life_, number = *life_](const Errors& failed) {
        if (*life != number) return;
        if (failed) return lost("no connection: " + failed.message());
        Errors ignored;
        wire->socket.set_option(Tcp::no_delay(true), ignored);
        if (tls_) return shake_hands();
        begin();
    };
    wire_->socket.async_connect(endpoint_, std::move(connected));
}

void Client::shake_hands() {
    auto& stream = wire_->tls.emplace(wire_->socket, tls_->context);
    stream.set_verify_mode(asio::ssl::verify_peer);
    stream.set_verify_callback(asio::ssl::host_name_verification(tls_->host));
    // SNI carries names only (RFC 6066, 3).
    Errors no_address;
    asio::ip::make_address(tls_->host, no_address);
    if (no_address && ::SSL_ctrl(stream.native_handle(),
                                 SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                 TLSEXT_NAMETYPE_host_name,
                                 tls_->host.data()) != 1) {
        return lost("the host name does not fit into a TLS greeting");
    }
    auto done = [this, wire = wire_, life = life_, number = *life_](const Errors& failed) {
        if (*life != number) return;
        if (failed) return lost("no TLS connection: " + failed.message());
        begin();
    };
    stream.async_handshake(asio::ssl::stream_base::client, std::move(done));
}

void Client::begin() {
    greet();
    read();
}

// Its reply is the first that comes; what was asked meanwhile waits in `next_`.
void Client::greet() {
    state_ = State::greeting;
    std::string text(client_id);
    text.append(key_.key_id);
    const std::string signature = api::sign(api::SignatureMethod::hmac_sha256, key_.secret, text);
    Request request;
    request.seqno = ++seqno_;
    request.command = static_cast<std::int32_t>(Command::authenticate);
    request.fields = Authenticate{key_.key_id, signature, client_id, "HmacSHA256"};
    std::string asked = std::exchange(next_, {});
    append_request(next_, request);
    write();
    next_ = std::move(asked);
}

// Completions may ask again, which connects anew.
void Client::lost(const std::string& why) {
    ++*life_;
    Errors ignored;
    wire_->socket.close(ignored);
    ticker_.cancel();
    state_ = State::closed;
    writing_ = false;
    next_.clear();
    rest_.clear();
    auto ended = std::exchange(waiting_, {});
    for (auto& [seqno, waiting] : ended) waiting.done(error(Errc::unavailable, why));
}

void Client::write_soon() {
    if (std::exchange(writing_, true)) return;
    asio::post(context_, [this, life = life_, number = *life_] {
        if (*life == number) write();
    });
}

void Client::write() {
    writing_ = true;
    leaving_ = std::exchange(next_, {});
    used_ = steady_clock::now();
    auto written = [this, wire = wire_, life = life_, number = *life_](const Errors& failed,
                                                                       std::size_t) {
        if (*life != number) return;
        if (failed) return lost("connection lost");
        writing_ = false;
        if (state_ == State::open && !next_.empty()) write();
    };
    const auto bytes = asio::buffer(leaving_);
    if (wire_->tls) {
        asio::async_write(*wire_->tls, bytes, std::move(written));
    } else {
        asio::async_write(wire_->socket, bytes, std::move(written));
    }
}

void Client::read() {
    auto filled = [this, wire = wire_, life = life_, number = *life_](const Errors& failed,
                                                                      std::size_t count) {
        if (*life != number) return;
        if (failed) return lost("connection lost");
        used_ = steady_clock::now();
        if (!take({input_.data(), count})) return lost("the server's bytes make no sense");
        // A completion may have closed it, or be the last thing the client saw.
        if (*life == number) read();
    };
    const auto room = asio::buffer(input_);
    if (wire_->tls) {
        wire_->tls->async_read_some(room, std::move(filled));
    } else {
        wire_->socket.async_read_some(room, std::move(filled));
    }
}

bool Client::take(std::string_view fresh) {
    const std::shared_ptr<std::uint64_t> life = life_;
    const std::uint64_t number = *life;
    const bool begun = !rest_.empty();
    if (begun) rest_.append(fresh);
    std::string_view left = begun ? std::string_view(rest_) : fresh;
    std::vector<Reply> replies;
    Frame frame = first_frame(left, reply_bytes_max);
    while (frame.state == Frame::State::whole) {
        auto reply = decode_reply(frame.payload);
        if (!reply) return false;
        replies.push_back(std::move(*reply));
        left.remove_prefix(frame.bytes);
        frame = first_frame(left, reply_bytes_max);
    }
    if (frame.state == Frame::State::broken) return false;
    rest_ = std::string(left);
    for (Reply& reply : replies) {
        if (*life != number) return true;
        answer(std::move(reply));
    }
    return true;
}

void Client::answer(Reply reply) {
    if (reply.command == static_cast<std::int32_t>(Command::authenticate)) {
        const bool welcome =
            reply.result == result_ok || reply.result == result_already_authenticated;
        if (!welcome) return lost("the key was refused: " + reply.error);
        state_ = State::open;
        if (!next_.empty()) write_soon();
        return;
    }
    if (reply.query) return check(*reply.query);
    const auto found = waiting_.find(reply.seqno);
    if (found == waiting_.end()) return;
    const Done done = std::move(found->second.done);
    waiting_.erase(found);
    if (waiting_.empty() && !checker_) ticker_.cancel();
    done(std::move(reply));
}

// Nobody waits for the reply: a confirmation that is lost is asked for again.
void Client::check(const Query& query) {
    const std::optional<bool> commit = checker_ ? checker_(query) : std::nullopt;
    if (!commit) return;
    Confirm fields;
    fields.queue = query.queue;
    fields.items = {{query.id, *commit ? Confirm::committed : Confirm::rolled_back}};
    Request request;
    request.seqno = ++seqno_;
    request.command = static_cast<std::int32_t>(Command::confirm);
    request.one_way = true;
    request.fields = fields;
    append_request(next_, request);
    write_soon();
}

// Once a second while anything is awaited or may be asked: time-outs and heartbeats.
void Client::tick() {
    ticker_.expires_after(tick_period);
    ticker_.async_wait([this, life = life_, number = *life_](const Errors& failed) {
        if (failed || *life != number) return;
        const Moment now = steady_clock::now();
        const bool late = std::any_of(waiting_.begin(), waiting_.end(), [now](const auto& one) {
            return one.second.until <= now;
        });
        // Its replies come in any order, but not that late: the connection is of no use.
        if (late) return lost("no reply in time");
        if (state_ == State::open && now - used_ >= heartbeat_after) {
            Request request;
            request.seqno = ++seqno_;
            request.command = static_cast<std::int32_t>(Command::heartbeat);
            append_request(next_, request);
            write_soon();
        }
        tick();
    });
}

}  // namespace penstock::plugins::cmq_tcp
