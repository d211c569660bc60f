// Who waits for a connection to be opened, and what becomes of it.
#include "tests/sinks/client/http2_client_fixture.h"

#include <chrono>
#include <memory>
#include <string>

namespace penstock::sinks::client {
namespace {

TEST_F(Http2ClientTest, WhoWaitsForAConnectionEndsAtItsOwnDeadline) {
    testing::ScriptedServer silent(context_, {{testing::step(testing::Step::Kind::hang)}});
    const std::string url = "https://localhost:" + std::to_string(silent.port()) + "/";
    const std::size_t first = send(url, 5'000);
    const std::size_t second = send(url, 100);
    EXPECT_TRUE(
        testing::run_until(context_, [&]() { return ends_[second].ending == Ending::timeout; }));
    EXPECT_EQ(ends_[second].detail, "no connection in time");
    EXPECT_NE(ends_[first].ending, Ending::timeout);
    EXPECT_EQ(silent.connections, 1U);
}

TEST_F(Http2ClientTest, TheDeadlineOfTheFirstIsNotThatOfThoseThatWait) {
    testing::ScriptedServer silent(context_, {{testing::step(testing::Step::Kind::hang)}});
    const std::string url = "https://localhost:" + std::to_string(silent.port()) + "/";
    const std::size_t first = send(url, 50);
    const std::size_t second = send(url, 200);
    run_to_end();
    EXPECT_EQ(ends_[first].detail, "no TLS handshake in time");
    EXPECT_EQ(ends_[second].detail, "no TLS handshake in time");
    EXPECT_EQ(silent.connections, 2U);
}

TEST_F(Http2ClientTest, WhoWaitsForAConnectionThatFailsHasFailedLikewise) {
    std::string url;
    {
        Http2Server gone(context_, identity_);
        url = gone.url();
        gone.refuse_connections();
    }
    context_.poll();
    send_many(url, 5);
    run_to_end();
    EXPECT_EQ(count(Ending::refused), 5U);
    EXPECT_EQ(resolver_.asked, 1U);
}

TEST_F(Http2ClientTest, WhoWaitsIsGivenAConnectionOfHttp1ThatHasBecomeFree) {
    options_.http2 = Http2::busy;
    options_.http1_connections_usual = 1;
    open();
    Http2Server server(context_, identity_);
    server.handshakes_max = 1;
    send(server.url());
    const std::size_t opens = send(server.url(), 1'000);
    const std::size_t waits = send(server.url());
    EXPECT_TRUE(
        testing::run_until(context_, [&]() { return ends_[waits].ending == Ending::answered; }));
    EXPECT_EQ(ends_[opens].ending, Ending::stopped);
    EXPECT_EQ(server.http1_requests, 2U);
}

TEST_F(Http2ClientTest, WhoWaitsIsGivenRoomThatHasBecomeFree) {
    Http2Server server(context_, identity_);
    server.handshakes_max = 1;
    server.conduct.greeting = http2::settings_frame({{http2::max_concurrent_streams, 2}});
    std::shared_ptr<Http2Peer> peer;
    unsigned seen = 0;
    server.conduct.on_request = [&](Http2Peer& from, const Http2Request&) {
        peer = from.shared_from_this();
        seen += 1;
    };
    send_many(server.url(), 2);
    EXPECT_TRUE(testing::run_until(context_, [&seen]() { return seen == 2; }));
    send_many(server.url(), 2);
    EXPECT_TRUE(testing::run_until(context_, [&server]() { return server.connections == 2; }));
    peer->send(http2::answer(1));
    // Long before the connection that hangs is given up.
    const auto soon = std::chrono::seconds(2);
    EXPECT_TRUE(testing::run_until(
        context_, [&seen]() { return seen == 3; }, soon));
}

}  // namespace
}  // namespace penstock::sinks::client
