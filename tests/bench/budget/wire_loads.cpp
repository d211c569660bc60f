// The paths through the ways in, without sockets: bytes as they come, to the request that reaches
// the broker, and its answer as bytes.
#include "broker/api/signature.h"
#include "broker/base/check.h"
#include "plugins/cmq_http/front_end.h"
#include "plugins/cmq_tcp/reply.h"
#include "plugins/cmq_tcp/request.h"
#include "plugins/cmq_tcp/wire.h"
#include "plugins/listener/head_parser.h"
#include "tests/bench/budget/load.h"
#include "tests/support/fake_broker.h"
#include "tests/support/heap_use.h"
#include "tests/support/manual_clock.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <string>
#include <utility>

namespace penstock::budget {

namespace {

constexpr std::size_t body_bytes = 1'024;
constexpr std::int64_t now_s = 1'700'000'000;

class OnWire : public Load {
  public:
    void prepare(std::size_t messages) override { messages_ = messages; }

    void run() override {
        for (std::size_t at = 0; at < messages_; ++at) one();
    }

    [[nodiscard]] Spent spent() const override {
        const testing::HeapUse heap = testing::heap_use();
        Spent spent;
        spent.add(Figure::allocations, heap.allocations);
        spent.add(Figure::heap_bytes, heap.bytes);
        return spent;
    }

  protected:
    virtual void one() = 0;

  private:
    std::size_t messages_ = 0;
};

// SendMessage of CMQ API 2.0: head and form parsed, signature checked, answered at once.
class HttpLoad final : public OnWire {
  public:
    HttpLoad() {
        broker_.secrets["AKIDbudget"] = "secret";
        api::SentMessages sent;
        sent.ids.emplace_back(77);
        broker_.answer_with<api::SendMessages>(sent);
        plugins::CmqOptions options;
        options.clock = &clock_;
        front_end_ = plugins::make_cmq_front_end(broker_, options);
        // In the order of their names, as it is signed; nothing in it needs an escape but the last.
        form_ =
            "Action=SendMessage&Nonce=12345&SecretId=AKIDbudget&SignatureMethod=HmacSHA256"
            "&Timestamp=" +
            std::to_string(now_s) + "&msgBody=" + std::string(body_bytes, 'x') +
            "&queueName=orders";
        const std::string text = "POST127.0.0.1:7070/v2/index.php?" + form_;
        form_ += "&Signature=";
        for (const char byte : api::sign(api::SignatureMethod::hmac_sha256, "secret", text)) {
            const auto odd = std::string_view("+/=").find(byte);
            constexpr std::array<std::string_view, 3> escapes{"%2B", "%2F", "%3D"};
            odd == std::string_view::npos ? form_.append(1, byte) : form_.append(escapes.at(odd));
        }
        head_ =
            "POST /v2/index.php HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nUser-Agent: budget\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
            std::to_string(form_.size()) + "\r\n\r\n";
    }

  private:
    void one() override {
        plugins::HttpRequest request;
        plugins::Framing framing;
        const auto scan = plugins::scan_head(head_, 0);
        const unsigned status = plugins::parse_head(
            std::string_view(head_).substr(0, scan.bytes), limits_, request, framing);
        check(status == 0 && framing.body_bytes == form_.size(), "the head is fine");
        request.body = form_;
        bool answered = false;
        boost::asio::co_spawn(
            context_,
            front_end_->handle(std::move(request)),
            [&answered](std::exception_ptr failed, const plugins::HttpResponse& response) {
                check(!failed && response.body.starts_with("{\"code\":0,"), "it is answered");
                answered = true;
            });
        context_.restart();
        context_.run();
        check(answered, "it is answered at once");
        broker_.requests.clear();
        broker_.principals.clear();
    }

    testing::ManualClock clock_{now_s * 1'000};
    testing::FakeBroker broker_;
    std::unique_ptr<plugins::HttpFrontEnd> front_end_;
    plugins::HttpLimits limits_;
    boost::asio::io_context context_{1};
    std::string head_;
    std::string form_;
};

// A send over CMQ TCP: its frame found, its request read, its reply written.
class TcpLoad final : public OnWire {
  public:
    TcpLoad() {
        const std::string body(body_bytes, 'x');
        plugins::cmq_tcp::Request request;
        request.seqno = 7;
        request.command = static_cast<std::int32_t>(plugins::cmq_tcp::Command::send);
        plugins::cmq_tcp::Send send;
        send.queue = "orders";
        send.bodies = {body};
        request.fields = send;
        plugins::cmq_tcp::append_request(frame_, request);
    }

  private:
    void one() override {
        constexpr std::size_t frame_bytes_max = 1U << 20;
        const auto frame = plugins::cmq_tcp::first_frame(frame_, frame_bytes_max);
        check(frame.state == plugins::cmq_tcp::Frame::State::whole, "the frame is whole");
        const auto request = plugins::cmq_tcp::decode_request(frame.payload);
        check(request && request->is(plugins::cmq_tcp::Command::send), "it is a send");
        plugins::cmq_tcp::Reply reply;
        reply.seqno = request->seqno;
        reply.command = request->command;
        reply.request_id = 1;
        reply.ids = {77};
        out_.clear();
        plugins::cmq_tcp::append_reply(out_, reply);
    }

    std::string frame_;
    std::string out_;
};

}  // namespace

std::vector<Path> wire_paths() {
    return {{"http_signed_send",
             [] {
                 return std::make_unique<HttpLoad>();
             }},
            {"tcp_send", [] {
                 return std::make_unique<TcpLoad>();
             }}};
}

}  // namespace penstock::budget
