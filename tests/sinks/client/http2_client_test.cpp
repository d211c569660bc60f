#include "tests/sinks/client/http2_client_fixture.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::client {
namespace {

TEST_F(Http2ClientTest, ManyRequestsAtOnceShareOneConnection) {
    Http2Server server(context_, identity_);
    send_many(server.url(), 50);
    run_to_end();
    EXPECT_EQ(count(Ending::answered), 50U);
    EXPECT_EQ(server.connections, 1U);
    EXPECT_EQ(client_->connections(), 1U);
    EXPECT_TRUE(ends_[7].complete);
    EXPECT_EQ(ends_[7].answer.body, "ok");
    EXPECT_TRUE(ends_[7].target.starts_with("127.0.0.1:"));
    ASSERT_EQ(server.requests.size(), 50U);
    const std::map<std::string, std::string> fields{{":method", "POST"},
                                                    {":scheme", "https"},
                                                    {":authority", "localhost"},
                                                    {":path", "/hook"},
                                                    {"content-length", "5"},
                                                    {"x-case", "Kept"}};
    EXPECT_EQ(server.requests[0].fields, fields);
    EXPECT_EQ(server.requests[49].fields, fields);
    EXPECT_EQ(server.requests[49].body, "hello");
}

TEST_F(Http2ClientTest, NoTwoTlsIdentitiesShareAConnection) {
    Http2Server server(context_, identity_);
    const testing::TlsIdentity mine = authority_.server("DNS:mine.test");
    Url own = *parse_url(server.url());
    own.tls = *client_->identity({"", false, mine.certificate_pem(), mine.key_pem()});
    const testing::TlsIdentity other = testing::TlsIdentity::authority("another");
    Url untrusting = *parse_url(server.url());
    untrusting.tls = *client_->identity({other.certificate_pem(), false, "", ""});
    for (int turn = 0; turn < 2; ++turn) {
        send_many(server.url(), 10);
        for (int at = 0; at < 10; ++at) send(own, 5'000, "/own");
        send(untrusting, 5'000, "/untrusting");
        run_to_end();
    }
    EXPECT_EQ(count(Ending::answered), 40U);
    EXPECT_EQ(count(Ending::tls), 2U);
    EXPECT_EQ(server.requests.size(), 40U);
    // Two that were refused by us came to nothing.
    EXPECT_EQ(client_->connections(), 2U);
    EXPECT_EQ(server.connections, 4U);
}

TEST_F(Http2ClientTest, OffItIsNotOffered) {
    options_.http2 = Http2::off;
    open();
    Http2Server server(context_, identity_);
    EXPECT_EQ(push(server.url()).answer.status, 200U);
    EXPECT_EQ(server.offers, 0U);
    EXPECT_EQ(server.http1_requests, 1U);
}

TEST_F(Http2ClientTest, AServerThatDoesNotWantItIsSpokenToInHttp1AndNotAskedAgain) {
    Http2Server server(context_, identity_, false);
    send_many(server.url(), 20);
    run_to_end();
    EXPECT_EQ(count(Ending::answered), 20U);
    EXPECT_EQ(server.http1_requests, 20U);
    EXPECT_EQ(server.offers, 1U);
    EXPECT_GT(server.connections, 1U);
}

TEST_F(Http2ClientTest, BusyItIsOfferedBeyondTheUsualConnections) {
    options_.http2 = Http2::busy;
    options_.http1_connections_usual = 2;
    open();
    Http2Server server(context_, identity_);
    send_many(server.url(), 2);
    run_to_end();
    EXPECT_EQ(server.http1_requests, 2U);
    EXPECT_EQ(server.offers, 0U);
    send_many(server.url(), 30);
    run_to_end();
    EXPECT_EQ(count(Ending::answered), 32U);
    EXPECT_EQ(server.offers, 1U);
    EXPECT_EQ(server.connections, 3U);
    const std::size_t shared = server.requests.size();
    EXPECT_GT(shared, 0U);
    // One at a time costs less in HTTP/1.1, of which two connections are there.
    push(server.url());
    EXPECT_EQ(server.requests.size(), shared);
    // In one go they share again.
    const unsigned alone = server.http1_requests;
    send_many(server.url(), 30);
    run_to_end();
    EXPECT_EQ(server.http1_requests, alone + 2);
    EXPECT_EQ(server.connections, 3U);
}

TEST_F(Http2ClientTest, MoreThanTheServerTakesAtATimeGoOverMoreConnections) {
    Http2Server server(context_, identity_);
    server.conduct.greeting = http2::settings_frame({{http2::max_concurrent_streams, 2}});
    std::vector<std::pair<std::shared_ptr<Http2Peer>, std::uint32_t>> held;
    server.conduct.on_request = [&held](Http2Peer& peer, const Http2Request& request) {
        held.emplace_back(peer.shared_from_this(), request.stream);
        if (held.size() < 6) return;
        for (const auto& [from, stream] : held) from->send(http2::answer(stream));
    };
    send_many(server.url(), 6);
    run_to_end();
    EXPECT_EQ(count(Ending::answered), 6U);
    EXPECT_EQ(server.connections, 3U);
}

TEST_F(Http2ClientTest, NoMoreConnectionsAreOpenedThanAllowed) {
    options_.endpoint_connections_max = 2;
    open();
    Http2Server server(context_, identity_);
    server.conduct.greeting = http2::settings_frame({{http2::max_concurrent_streams, 1}});
    server.conduct.on_request = [](Http2Peer&, const Http2Request&) {
    };
    send_many(server.url(), 3, 300);
    run_to_end();
    EXPECT_EQ(server.connections, 2U);
    EXPECT_EQ(count(Ending::exhausted), 1U);
    EXPECT_EQ(count(Ending::timeout), 2U);
}

TEST_F(Http2ClientTest, WhatAGoawayLeavesOutIsSentElsewhereAtOnce) {
    Http2Server server(context_, identity_);
    server.conduct.on_request = [&server](Http2Peer& peer, const Http2Request& request) {
        server.requests.push_back(request);
        if (peer.number() > 1) return peer.send(http2::answer(request.stream, "201"));
        if (server.requests.size() < 3) return;
        peer.send(http2::goaway_frame(1) + http2::answer(1));
    };
    send_many(server.url(), 3);
    run_to_end();
    EXPECT_EQ(ends_[0].answer.status, 200U);
    EXPECT_EQ(ends_[1].answer.status, 201U);
    EXPECT_EQ(ends_[2].answer.status, 201U);
    EXPECT_EQ(server.connections, 2U);
    EXPECT_EQ(server.requests.size(), 5U);
    EXPECT_EQ(client_->connections(), 1U);
}

TEST_F(Http2ClientTest, AServerThatRefusesForEverIsAskedFourTimes) {
    Http2Server server(context_, identity_);
    unsigned asked = 0;
    server.conduct.on_request = [&asked](Http2Peer& peer, const Http2Request& request) {
        asked += 1;
        peer.send(http2::rst_frame(request.stream, http2::refused_stream));
    };
    const Exchange exchange = push(server.url());
    EXPECT_EQ(exchange.ending, Ending::refused);
    EXPECT_EQ(exchange.detail, "the server takes no more requests");
    EXPECT_EQ(asked, 4U);
}

TEST_F(Http2ClientTest, AServerThatAsksForHttp1IsGivenIt) {
    Http2Server server(context_, identity_);
    server.conduct.on_request = [](Http2Peer& peer, const Http2Request& request) {
        peer.send(http2::rst_frame(request.stream, http2::http_1_1_required));
    };
    EXPECT_EQ(push(server.url()).answer.status, 200U);
    EXPECT_EQ(push(server.url()).answer.status, 200U);
    EXPECT_EQ(server.http1_requests, 2U);
    EXPECT_EQ(server.offers, 1U);
}

TEST_F(Http2ClientTest, ARequestThatIsNeverAnsweredHurtsNoNeighbour) {
    Http2Server server(context_, identity_);
    std::vector<std::uint32_t> reset;
    server.conduct.on_frame = [&reset](Http2Peer&, const Http2Frame& frame) {
        if (frame.type == http2::rst_stream) reset.push_back(frame.stream);
    };
    const auto answers = server.conduct.on_request;
    server.conduct.on_request = [&answers](Http2Peer& peer, const Http2Request& request) {
        if (request.fields.at(":path") != "/never") answers(peer, request);
    };
    const std::size_t never = send(server.url(), 100, "/never");
    for (int turn = 0; turn < 20; ++turn) {
        const std::size_t place = send(server.url());
        ASSERT_TRUE(testing::run_until(context_,
                                       [&]() { return ends_[place].ending == Ending::answered; }));
    }
    run_to_end();
    EXPECT_EQ(ends_[never].ending, Ending::timeout);
    EXPECT_EQ(ends_[never].detail, "no answer in time");
    EXPECT_EQ(push(server.url()).answer.status, 200U);
    EXPECT_EQ(server.connections, 1U);
    EXPECT_EQ(reset, std::vector<std::uint32_t>{1});
}

TEST_F(Http2ClientTest, AnAnswerThatIsNotWholeInTimeCountsByItsHead) {
    Http2Server server(context_, identity_);
    server.conduct.on_request = [](Http2Peer& peer, const Http2Request& request) {
        peer.send(
            http2::frame(http2::headers, http2::end_headers, request.stream, http2::head("200")) +
            http2::frame(http2::data, http2::none, request.stream, "half"));
    };
    const Exchange exchange = push(server.url(), 100);
    EXPECT_EQ(exchange.ending, Ending::answered);
    EXPECT_FALSE(exchange.complete);
    EXPECT_EQ(exchange.answer.body, "half");
}

TEST_F(Http2ClientTest, AConnectionLostTakesItsTenRequestsAlongAndTheNextOneIsNew) {
    Http2Server server(context_, identity_);
    const auto answers = server.conduct.on_request;
    unsigned seen = 0;
    server.conduct.on_request = [&](Http2Peer& peer, const Http2Request& request) {
        if (peer.number() > 1) return answers(peer, request);
        if (++seen == 10) peer.close();
    };
    send_many(server.url(), 10);
    run_to_end();
    EXPECT_EQ(count(Ending::reset), 10U);
    EXPECT_EQ(client_->connections(), 0U);
    EXPECT_EQ(push(server.url()).answer.status, 200U);
    EXPECT_EQ(server.connections, 2U);
}

TEST_F(Http2ClientTest, AConnectionThatTheServerClosedMeanwhileIsReplacedSilently) {
    Http2Server server(context_, identity_);
    const auto answers = server.conduct.on_request;
    std::shared_ptr<Http2Peer> first;
    server.conduct.on_request = [&](Http2Peer& peer, const Http2Request& request) {
        if (!first) first = peer.shared_from_this();
        answers(peer, request);
    };
    EXPECT_EQ(push(server.url()).answer.status, 200U);
    first->close();
    EXPECT_EQ(push(server.url()).answer.status, 200U);
    EXPECT_EQ(server.connections, 2U);
    EXPECT_EQ(server.requests.size(), 2U);
}

TEST_F(Http2ClientTest, AFloodEndsTheConnectionAndTheNextOneIsNew) {
    Http2Server server(context_, identity_);
    const auto answers = server.conduct.on_request;
    server.conduct.on_request = [&](Http2Peer& peer, const Http2Request& request) {
        if (peer.number() > 1) return answers(peer, request);
        peer.send(http2::repeated(http2::settings_frame(), 5'000));
    };
    const Exchange exchange = push(server.url());
    EXPECT_EQ(exchange.ending, Ending::reset);
    EXPECT_TRUE(exchange.detail.starts_with("malformed answer: ")) << exchange.detail;
    EXPECT_EQ(push(server.url()).answer.status, 200U);
}

TEST_F(Http2ClientTest, AServerThatNeverGreetsIsLeft) {
    options_.tls_ms_max = 150;
    open();
    Http2Server server(context_, identity_);
    server.conduct.greeting.clear();
    server.conduct.on_request = [](Http2Peer&, const Http2Request&) {
    };
    const Exchange exchange = push(server.url());
    EXPECT_EQ(exchange.ending, Ending::reset);
    EXPECT_EQ(exchange.detail, "no HTTP/2 greeting in time");
    EXPECT_EQ(client_->connections(), 0U);
}

TEST_F(Http2ClientTest, AServerThatShowsNoSignOfLifeIsLeft) {
    options_.http2_quiet_ms_max = 50;
    options_.http2_ping_ms_max = 50;
    open();
    Http2Server server(context_, identity_);
    unsigned pings = 0;
    server.conduct.on_request = [](Http2Peer&, const Http2Request&) {
    };
    server.conduct.on_frame = [&pings](Http2Peer&, const Http2Frame& frame) {
        if (frame.type == http2::ping) pings += 1;
    };
    const Exchange exchange = push(server.url());
    EXPECT_EQ(exchange.ending, Ending::reset);
    EXPECT_EQ(exchange.detail, "no sign of life in time");
    EXPECT_EQ(pings, 1U);
}

TEST_F(Http2ClientTest, AServerThatAnswersPingsIsWaitedFor) {
    options_.http2_quiet_ms_max = 20;
    options_.http2_ping_ms_max = 2'000;
    open();
    Http2Server server(context_, identity_);
    unsigned pings = 0;
    server.conduct.on_request = [](Http2Peer&, const Http2Request&) {
    };
    server.conduct.on_frame = [&pings](Http2Peer& peer, const Http2Frame& frame) {
        if (frame.type != http2::ping) return;
        peer.send(http2::frame(http2::ping, http2::ack, 0, frame.payload));
        if (++pings == 4) peer.send(http2::answer(1, "202"));
    };
    EXPECT_EQ(push(server.url()).answer.status, 202U);
}

TEST_F(Http2ClientTest, AfterADeadlineAndNotAWordTheNextRequestIsNotRisked) {
    Http2Server server(context_, identity_);
    const auto answers = server.conduct.on_request;
    server.conduct.on_request = [&](Http2Peer& peer, const Http2Request& request) {
        answers(peer, request);
        if (peer.number() == 1) peer.fall_silent();
    };
    EXPECT_EQ(push(server.url()).answer.status, 200U);
    EXPECT_EQ(push(server.url(), 50).ending, Ending::timeout);
    EXPECT_EQ(push(server.url()).answer.status, 200U);
    EXPECT_EQ(server.connections, 2U);
}

TEST_F(Http2ClientTest, AConnectionIsClosedWhenItIdledLongEnough) {
    options_.idle_ms_max = 50;
    open();
    Http2Server server(context_, identity_);
    push(server.url());
    EXPECT_EQ(client_->connections(), 1U);
    EXPECT_TRUE(testing::run_until(context_, [this]() { return client_->connections() == 0; }));
}

TEST_F(Http2ClientTest, AnOldConnectionTakesNoMoreRequests) {
    options_.age_ms_max = 0;
    open();
    Http2Server server(context_, identity_);
    push(server.url());
    push(server.url());
    EXPECT_EQ(server.connections, 2U);
    EXPECT_EQ(client_->connections(), 0U);
}

TEST_F(Http2ClientTest, ForgettingClosesItWhenIdle) {
    Http2Server server(context_, identity_);
    push(server.url());
    client_->forget(*parse_url(server.url()));
    EXPECT_EQ(client_->connections(), 0U);
}

TEST_F(Http2ClientTest, StoppingEndsThoseThatWaitAndThoseUnderWay) {
    Http2Server server(context_, identity_);
    unsigned seen = 0;
    server.conduct.on_request = [&seen](Http2Peer&, const Http2Request&) {
        seen += 1;
    };
    send_many(server.url(), 5);
    EXPECT_TRUE(testing::run_until(context_, [&seen]() { return seen == 5; }));
    resolver_.names["other.test"] = {"127.0.0.1"};
    send_many("https://other.test:1/", 3);
    client_->stop();
    EXPECT_EQ(count(Ending::stopped), 8U);
    EXPECT_EQ(client_->connections(), 0U);
}

TEST_F(Http2ClientTest, TheClientMayEndWhenARequestDoes) {
    Http2Server server(context_, identity_);
    unsigned seen = 0;
    server.conduct.on_request = [&seen](Http2Peer& peer, const Http2Request&) {
        if (++seen == 5) peer.send(http2::answer(3) + http2::answer(1) + http2::answer(5));
    };
    send_five_and_end(server.url(), 5'000);
}

TEST_F(Http2ClientTest, TheClientMayEndWhenADeadlineDoes) {
    Http2Server server(context_, identity_);
    server.conduct.on_request = [](Http2Peer&, const Http2Request&) {
    };
    send_five_and_end(server.url(), 50);
}

TEST_F(Http2ClientTest, AGuardedAddressIsNotConnectedTo) {
    options_.addresses = AddressPolicy::public_only;
    open();
    Http2Server server(context_, identity_);
    send_many(server.url(), 3);
    run_to_end();
    EXPECT_EQ(count(Ending::guarded), 3U);
    EXPECT_EQ(server.connections, 0U);
}

}  // namespace
}  // namespace penstock::sinks::client
