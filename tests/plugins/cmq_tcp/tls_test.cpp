#include "plugins/cmq_tcp/client/client.h"
#include "tests/plugins/cmq_tcp/fixture.h"
#include "tests/support/run_until.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tls_identity.h"

#include <fstream>

namespace penstock::plugins::cmq_tcp {
namespace {

using std::chrono::milliseconds;

class TcpTlsTest : public Serving {
  protected:
    TcpTlsTest() {
        const auto authority = penstock::testing::TlsIdentity::authority("test");
        const auto own = authority.server("DNS:localhost");
        authority_pem = authority.certificate_pem();
        const TlsFiles files{folder.file("certificate.pem"), folder.file("key.pem")};
        std::ofstream(files.certificate) << own.certificate_pem();
        std::ofstream(files.key) << own.key_pem();
        auto opened = ServerTls::open(files, clock);
        EXPECT_TRUE(opened.has_value()) << opened.error().detail;
        tls = std::move(*opened);
    }

    ~TcpTlsTest() override { pool.stop(); }

    static std::string send_frame(std::int64_t seqno, std::string_view body) {
        return Caller::frame(seqno, Command::send, Send{"q", {body}, 0, 0, 0});
    }

    void accept_next() {
        const auto asked = broker.next<api::SendMessages>();
        ASSERT_TRUE(asked);
        api::SentMessages sent;
        sent.ids = {model::MessageId(7)};
        HandBroker::answer<api::SendMessages>(*asked, sent);
    }

    // What becomes of a send of our own client, which trusts the server's authority or nobody.
    Result<Reply> send_by_client(const std::string& host, bool trusts = true) {
        asio::ssl::context own(asio::ssl::context::tls_client);
        if (trusts) own.add_certificate_authority(asio::buffer(authority_pem));
        asio::io_context context;
        Client client(context,
                      {asio::ip::make_address("127.0.0.1"), server->port()},
                      {"AKIDdemo0001", "demoSecretKey0001"},
                      ClientTls{own, host});
        std::optional<Result<Reply>> reply;
        client.send(Send{"q", {"hi"}, 0, 0, 0},
                    [&](Result<Reply> given) { reply = std::move(given); });
        EXPECT_TRUE(penstock::testing::run_until(
            context, [&] { return reply.has_value() || broker.waiting() == 1; }));
        if (!reply) accept_next();
        EXPECT_TRUE(penstock::testing::run_until(context, [&] { return reply.has_value(); }));
        return reply.value_or(error(Errc::unavailable, "no reply"));
    }

    std::string authority_pem;
    penstock::testing::TempFolder folder;
    std::unique_ptr<ServerTls> tls;
    asio::ssl::context trusting{asio::ssl::context::tls_client};
};

TEST_F(TcpTlsTest, WhatComesUnderTlsIsServedLikeAnyOther) {
    start({}, tls.get());
    Caller caller(server->port(), trusting);
    EXPECT_EQ(caller.greet().result, 0);
    caller.send(send_frame(2, "hi"));
    accept_next();
    EXPECT_EQ(caller.reply().seqno, 2);
}

TEST_F(TcpTlsTest, OurClientTrustsWhomItIsToldAndNoOtherName) {
    start({}, tls.get());
    const auto reply = send_by_client("localhost");
    ASSERT_TRUE(reply.has_value()) << reply.error().detail;
    EXPECT_EQ(reply->ids, (std::vector<std::uint64_t>{7}));
    for (const auto& refused :
         {send_by_client("other.example"), send_by_client("localhost", false)}) {
        ASSERT_FALSE(refused.has_value());
        EXPECT_NE(refused.error().detail.find("certificate verify failed"), std::string::npos)
            << refused.error().detail;
    }
}

TEST_F(TcpTlsTest, RequestsOverManyRecordsAndReadsAreAllAnswered) {
    constexpr std::int64_t requests = 60;
    start({}, tls.get());
    Caller caller(server->port(), trusting);
    ASSERT_EQ(caller.greet().result, 0);
    std::string frames;
    for (std::int64_t seqno = 2; seqno < 2 + requests; ++seqno) {
        frames += send_frame(seqno, std::string(20'000, 'x'));
    }
    ASSERT_TRUE(caller.send(frames));
    for (std::int64_t at = 0; at < requests; ++at) accept_next();
    for (std::int64_t at = 0; at < requests; ++at) EXPECT_EQ(caller.reply().result, 0) << at;
}

TEST_F(TcpTlsTest, AnAnswerOfManyRecordsArrivesWhole) {
    start({}, tls.get());
    Caller caller(server->port(), trusting);
    ASSERT_EQ(caller.greet().result, 0);
    caller.send(Caller::frame(2, Command::pull_batch, Pull{"q", 16, 30, 60}));
    const auto asked = broker.next<api::ReceiveMessages>();
    ASSERT_TRUE(asked);
    api::ReceivedMessages received;
    for (std::uint64_t at = 1; at <= 16; ++at) {
        api::ReceivedMessage& message = received.messages.emplace_back();
        message.id = model::MessageId(at);
        message.receipt = model::Receipt(at);
        message.payload = std::string(300'000, 'y');
        message.receives = 1;
    }
    HandBroker::answer<api::ReceiveMessages>(*asked, received);
    const Reply reply = caller.reply();
    EXPECT_EQ(reply.result, 0);
    ASSERT_EQ(reply.pulled.size(), 16U);
    EXPECT_EQ(reply.pulled[15].body.size(), 300'000U);
}

TEST_F(TcpTlsTest, WhatComesInTheClearEndsUnanswered) {
    start({}, tls.get());
    Caller caller(server->port());
    caller.send(send_frame(2, "hi"));
    EXPECT_TRUE(caller.ends());
    EXPECT_EQ(broker.waiting(), 0U);
}

TEST_F(TcpTlsTest, AHandshakeThatDoesNotGoOnEnds) {
    TcpLimits limits;
    limits.handshake_timeout = milliseconds(100);
    start(limits, tls.get());
    Caller silent(server->port());
    EXPECT_TRUE(silent.ends());
    EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST_F(TcpTlsTest, TheOldestHandshakeMakesWayForANewCaller) {
    TcpLimits limits;
    limits.handshakes_max = 2;  // one of each thread
    limits.handshake_timeout = milliseconds(60'000);
    start(limits, tls.get());
    std::vector<Caller> silent;
    for (int at = 0; at < 8; ++at) silent.emplace_back(server->port());
    EXPECT_TRUE(eventually([&] { return server->connections() <= 2; }));
    Caller caller(server->port(), trusting);
    EXPECT_EQ(caller.greet().result, 0);
}

}  // namespace
}  // namespace penstock::plugins::cmq_tcp
