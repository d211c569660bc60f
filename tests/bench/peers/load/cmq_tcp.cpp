// CMQ over TCP with the product's own forms of the wire, and nothing else of it.
#include "broker/base/base64.h"
#include "plugins/cmq_tcp/wire.h"
#include "tests/bench/peers/load/drivers.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::load {

namespace tcp = plugins::cmq_tcp;
using tcp::Command;

namespace {

constexpr std::size_t frame_bytes_max = 64U << 20U;
constexpr int pulled_max = 16;  // messages in a batch pull
constexpr int poll_s = 10;
constexpr std::string_view client_id = "127.0.0.1@mqload";

std::string signature(std::string_view secret, const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ::HMAC(EVP_sha256(),
           secret.data(),
           static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(text.data()),
           text.size(),
           digest.data(),
           &size);
    return encode_base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::vector<std::string_view> split(std::string_view bodies, std::size_t size) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < bodies.size(); at += size)
        parts.push_back(bodies.substr(at, size));
    return parts;
}

std::string text_of(const tcp::Reply& reply) {
    return "CMQ: " + std::to_string(reply.result) + " " + reply.error;
}

}  // namespace

template <class Fields>
void CmqTcp::ask(Command command, std::int64_t seqno, Fields fields) {
    tcp::Request request;
    request.seqno = seqno;
    request.command = static_cast<std::int32_t>(command);
    request.fields = std::move(fields);
    tcp::append_request(output_, request);
}

void CmqTcp::greet() {
    const auto colon = options_.key.find(':');
    if (colon == std::string::npos) throw Broken("--key must be ID:SECRET");
    const std::string id = options_.key.substr(0, colon);
    const std::string signed_text =
        signature(options_.key.substr(colon + 1), std::string(client_id) + id);
    ask(Command::authenticate, 0, tcp::Authenticate{id, signed_text, client_id, "HmacSHA256"});
    send_now();
    need(tcp::frame_head_bytes);
    while (tcp::first_frame(unread(), frame_bytes_max).state == tcp::Frame::State::partial)
        need(unread().size() + 1);
    const auto frame = tcp::first_frame(unread(), frame_bytes_max);
    const auto reply = tcp::decode_reply(frame.payload);
    if (!reply || reply->result != tcp::result_ok)
        throw Broken(reply ? text_of(*reply) : "no CMQ server");
    skip(frame.bytes);
    asked_ = 0;
    queue_ = queue();
}

void CmqTcp::publish(std::string_view bodies, std::uint64_t tag) {
    const auto seqno = static_cast<std::int64_t>(tag);
    auto parts = split(bodies, static_cast<std::size_t>(options_.size));
    // Connections begin anywhere: they would all go to the same queue at once.
    const auto turn = (tag + begin_) % static_cast<std::uint64_t>(options_.spread);
    const std::string spread_to = options_.object + "-" + std::to_string(turn);
    const std::string& object = options_.spread > 1 ? spread_to : options_.object;
    const bool batch = options_.batch > 1;
    if (options_.topic) {
        ask(batch ? Command::publish_batch : Command::publish,
            seqno,
            tcp::Publish{object, std::move(parts), {}, {}});
    } else {
        ask(batch ? Command::send_batch : Command::send,
            seqno,
            tcp::Send{object, std::move(parts), 0, 0, 0});
    }
}

void CmqTcp::pull() {
    const int most = std::min(options_.prefetch, pulled_max);
    ask(Command::pull_batch, ++asked_, tcp::Pull{queue_, most, poll_s, 0});
}

void CmqTcp::consume() {
    for (int open = 0; open < std::max(1, options_.prefetch / pulled_max); ++open) pull();
}

void CmqTcp::remove(const std::vector<tcp::PulledMessage>& messages) {
    tcp::Remove fields{queue_, {}};
    for (const auto& message : messages) {
        listener_.delivered(message.body);
        fields.receipts.push_back(message.receipt);
    }
    ask(Command::remove_batch, ++asked_, std::move(fields));
}

void CmqTcp::on_reply(const tcp::Reply& reply) {
    const bool good = reply.result == tcp::result_ok;
    const bool nothing_there = reply.result == tcp::result_no_message;
    if (!good && !nothing_there) listener_.failed(text_of(reply));
    if (role() == Role::sender) {
        const auto tag = static_cast<std::uint64_t>(reply.seqno);
        return listener_.answered(*this, tag, Listener::Which::this_one, good);
    }
    if (reply.command != static_cast<std::int32_t>(Command::pull_batch)) {
        for (const auto& failure : reply.failures) listener_.failed("CMQ: " + failure.text);
        return;
    }
    if (!reply.pulled.empty()) remove(reply.pulled);
    pull();
}

void CmqTcp::parse() {
    while (true) {
        const auto frame = tcp::first_frame(unread(), frame_bytes_max);
        if (frame.state == tcp::Frame::State::partial) break;
        const auto reply = tcp::decode_reply(frame.payload);
        if (frame.state == tcp::Frame::State::broken || !reply) throw Broken("CMQ: a bad frame");
        on_reply(*reply);
        skip(frame.bytes);
    }
    forget_taken();
}

}  // namespace penstock::load
