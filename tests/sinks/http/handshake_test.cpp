#include "sinks/http/handshakes.h"
#include "tests/sinks/http/http_sink_fixture.h"
#include "tests/support/manual_clock.h"

#include <string>
#include <vector>

namespace penstock::sinks::http {
namespace {

using model::Failure;
using model::Handshake;
using model::Verdict;
using testing::always;
using testing::ok_answer;
using testing::ScriptedServer;
using testing::step;
using testing::Step;

client::Exchange answered(unsigned status,
                          std::vector<std::pair<std::string, std::string>> headers,
                          std::string body = {}) {
    client::Exchange exchange;
    exchange.ending = client::Ending::answered;
    exchange.complete = true;
    exchange.answer = {status, std::move(headers), std::move(body)};
    return exchange;
}

// What is said of consent: "120" requests a minute, or why there is none.
std::string judged(Handshake kind, const client::Exchange& exchange) {
    HandshakeQuestion question;
    question.kind = kind;
    question.expected = kind == Handshake::challenge ? "0123abcd" : "penstock.example";
    const auto consent = judge_handshake(question, exchange, 77);
    if (!consent) return consent.error().detail;
    EXPECT_EQ(consent->at_ms, 77);
    return std::to_string(consent->per_minute);
}

TEST(HandshakeAnswer, AChallengeGivenBackIsConsent) {
    const auto told = [](unsigned status, const std::string& body) {
        return judged(Handshake::challenge, answered(status, {}, body));
    };
    EXPECT_EQ(told(200, "0123abcd"), "0");
    EXPECT_EQ(told(201, " 0123abcd\r\n"), "0");
    EXPECT_EQ(told(200, R"({"challenge":"0123abcd"})"), "0");
    const std::string no = "the handshake failed: its answer does not give the challenge back";
    EXPECT_EQ(told(200, ""), no + " (status 200)");
    EXPECT_EQ(told(404, "0123abcd"), no + " (status 404)");
    EXPECT_EQ(told(200, "0123abc"), no + " (status 200)");
    EXPECT_EQ(told(200, R"({"challenge":7})"), no + " (status 200)");
    EXPECT_EQ(told(200, R"({"type":"url_verification"})"), no + " (status 200)");
    client::Exchange cut = answered(200, {}, "0123abcd");
    cut.complete = false;
    EXPECT_EQ(judged(Handshake::challenge, cut), no + " (status 200)");
    client::Exchange refused;
    refused.ending = client::Ending::refused;
    refused.detail = "connection refused";
    EXPECT_EQ(judged(Handshake::challenge, refused), "the handshake failed: connection refused");
}

TEST(HandshakeAnswer, CloudEventsConsentByHeadersAloneWithTheirRate) {
    const auto told = [](std::vector<std::pair<std::string, std::string>> headers) {
        return judged(Handshake::cloudevents, answered(405, std::move(headers)));
    };
    EXPECT_EQ(told({{"webhook-allowed-origin", "penstock.example"}}), "0");
    EXPECT_EQ(told({{"webhook-allowed-origin", "Penstock.Example"}}), "0");
    EXPECT_EQ(told({{"webhook-allowed-origin", "*"}, {"webhook-allowed-rate", "*"}}), "0");
    EXPECT_EQ(told({{"webhook-allowed-origin", "*"}, {"webhook-allowed-rate", "120"}}), "120");
    EXPECT_EQ(told({}),
              "the handshake failed: its answer has no WebHook-Allowed-Origin (status 405)");
    EXPECT_EQ(told({{"webhook-allowed-origin", "other.example"}}),
              "the handshake failed: its WebHook-Allowed-Origin is not penstock.example (status "
              "405)");
    for (const char* rate : {"0", "-1", "1.5", "12x", "4294967296"}) {
        EXPECT_TRUE(told({{"webhook-allowed-origin", "*"}, {"webhook-allowed-rate", rate}})
                        .starts_with("the handshake failed: its WebHook-Allowed-Rate is neither"))
            << rate;
    }
}

// ---- with an endpoint ---------------------------------------------------------------------------

class HandshakeTest : public HttpSinkFixture {
  protected:
    static api::Target asked_target(const std::string& url, Handshake kind) {
        api::Target target = target_of(url);
        target.spec.pace.handshake = kind;
        return target;
    }
};

TEST_F(HandshakeTest, CloudEventsAreAskedForOnceBeforeTheFirstMessage) {
    const std::string allowed =
        "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 120\r\n"
        "Content-Length: 0\r\n\r\n";
    ScriptedServer server(context_,
                          {{step(Step::Kind::read),
                            step(Step::Kind::send, allowed),
                            step(Step::Kind::read),
                            step(Step::Kind::send, ok_answer),
                            step(Step::Kind::read),
                            step(Step::Kind::send, ok_answer),
                            step(Step::Kind::hang)}});
    api::Target target = asked_target(server.url("/a?b=1"), Handshake::cloudevents);
    target.spec.pace.rate_per_s = 50;
    const AttemptResult first = push(target);
    EXPECT_EQ(first.verdict, Verdict::accepted);
    ASSERT_TRUE(first.consent);
    EXPECT_EQ(first.consent->per_minute, 120U);
    EXPECT_GT(first.consent->at_ms, 0);
    const AttemptResult second = push(target);
    EXPECT_EQ(second.consent, first.consent);
    ASSERT_EQ(server.requests.size(), 3U);
    EXPECT_TRUE(server.requests[0].starts_with("OPTIONS /a?b=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
    EXPECT_NE(server.requests[0].find("\r\nWebHook-Request-Origin: penstock\r\n"),
              std::string::npos);
    EXPECT_NE(server.requests[0].find("\r\nWebHook-Request-Rate: 3000\r\n"), std::string::npos);
    EXPECT_TRUE(server.requests[1].starts_with("POST /a?b=1 "));
}

TEST_F(HandshakeTest, WithoutConsentNothingIsSentAndThePauseDoubles) {
    testing::ManualClock clock;
    auto resolver = std::make_unique<testing::FakeResolver>(context_.get_executor());
    HttpSinkOptions options;
    options.client.addresses = client::AddressPolicy::any;
    sink_ = std::move(
        *HttpSink::make(context_.get_executor(), clock, random_, std::move(resolver), options));
    ScriptedServer server(context_, {always(ok_answer)});
    const api::Target target = asked_target(server.url(), Handshake::challenge);
    std::vector<std::uint32_t> pauses;
    for (int turn = 0; turn < 6; ++turn) {
        const AttemptResult result = push(target);
        EXPECT_EQ(result.verdict, Verdict::not_attempted);
        EXPECT_EQ(result.failure, Failure::handshake);
        EXPECT_EQ(result.excerpt,
                  "the handshake failed: its answer does not give the challenge back (status 200)");
        EXPECT_FALSE(result.consent);
        pauses.push_back(result.retry_after_ms);
        // Before it is asked again, nobody asks it.
        const AttemptResult early = push(target);
        EXPECT_EQ(early.failure, Failure::handshake);
        EXPECT_LE(early.retry_after_ms, pauses.back() + 1);
        EXPECT_GT(early.retry_after_ms, 0U);
        clock.advance_ms(pauses.back() + 1);
    }
    EXPECT_EQ(pauses, (std::vector<std::uint32_t>{5'000, 10'000, 20'000, 40'000, 60'000, 60'000}));
    ASSERT_EQ(server.requests.size(), 6U);
    EXPECT_TRUE(server.requests[0].starts_with("POST /hook "));
    EXPECT_NE(server.requests[0].find(R"({"type":"url_verification","challenge":")"),
              std::string::npos);
    // Each challenge is a new one.
    EXPECT_NE(server.requests[0], server.requests[1]);
}

TEST_F(HandshakeTest, AnotherUrlIsAskedAnew) {
    const std::string allowed =
        "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n";
    ScriptedServer one(context_, {always(allowed)});
    ScriptedServer other(context_, {always(ok_answer)});
    EXPECT_EQ(push(asked_target(one.url(), Handshake::cloudevents)).verdict, Verdict::accepted);
    EXPECT_EQ(push(asked_target(other.url(), Handshake::cloudevents)).failure, Failure::handshake);
    EXPECT_EQ(one.requests.size(), 2U);
    EXPECT_EQ(other.requests.size(), 1U);
}

TEST_F(HandshakeTest, SeveralThatWaitAskOnce) {
    const std::string allowed =
        "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n";
    ScriptedServer server(context_, {always(allowed)});
    const api::Target target = asked_target(server.url(), Handshake::cloudevents);
    api::Delivery delivery;
    delivery.subscription = target.subscription;
    delivery.payload = "hello";
    int ended = 0;
    for (int at = 0; at < 3; ++at) {
        sink_->deliver(target, delivery, [&ended](const AttemptResult& result) {
            EXPECT_EQ(result.verdict, Verdict::accepted);
            ++ended;
        });
    }
    EXPECT_TRUE(testing::run_until(context_, [&ended]() { return ended == 3; }));
    ASSERT_EQ(server.requests.size(), 4U);
    EXPECT_TRUE(server.requests[0].starts_with("OPTIONS "));
    for (std::size_t at = 1; at < 4; ++at) EXPECT_TRUE(server.requests[at].starts_with("POST "));
}

}  // namespace
}  // namespace penstock::sinks::http
