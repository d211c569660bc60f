// Pushes through a static proxy: what it is asked for, and whose failure is whose.
#include "tests/sinks/http/http_sink_fixture.h"

#include <string>

namespace penstock::sinks::http {
namespace {

using model::Failure;
using model::Verdict;
using testing::ok_answer;
using testing::ScriptedServer;
using testing::step;
using testing::Step;

const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";

class ProxyTest : public HttpSinkFixture {
  protected:
    void go_through(const ScriptedServer& proxy) { go_through(std::to_string(proxy.port())); }

    void go_through(const std::string& port) {
        client::ClientOptions options;
        options.proxy = "http://proxy.test:" + port;
        guarded_ = true;
        open(options);
        resolver_->names["proxy.test"] = {"127.0.0.1"};
        resolver_->names["shop.test"] = {"93.184.216.34"};
    }

    // What a push comes to when the proxy answers with `text`.
    AttemptResult answered(const std::string& text) {
        ScriptedServer proxy(context_, {{step(Step::Kind::read), step(Step::Kind::send, text)}});
        go_through(proxy);
        return push(target_of("http://shop.test/"));
    }
};

TEST_F(ProxyTest, IsAskedForTheAddressThatWasJudgedAndItsConnectionIsKept) {
    ScriptedServer proxy(context_,
                         {{step(Step::Kind::read),
                           step(Step::Kind::send, established),
                           step(Step::Kind::read),
                           step(Step::Kind::send, ok_answer),
                           step(Step::Kind::read),
                           step(Step::Kind::send, ok_answer)}});
    go_through(proxy);
    for (int turn = 0; turn < 2; ++turn) {
        EXPECT_EQ(push(target_of("http://shop.test:8080/x")).verdict, Verdict::accepted);
    }
    EXPECT_EQ(proxy.connections, 1U);
    ASSERT_EQ(proxy.requests.size(), 3U);
    EXPECT_EQ(proxy.requests[0],
              "CONNECT 93.184.216.34:8080 HTTP/1.1\r\nHost: 93.184.216.34:8080\r\n\r\n");
    EXPECT_EQ(proxy.requests[1].find("POST /x HTTP/1.1\r\nHost: shop.test:8080\r\n"), 0U);
}

TEST_F(ProxyTest, IsNeverAskedForWhatTheGuardRefuses) {
    ScriptedServer proxy(context_, {{step(Step::Kind::hang)}});
    go_through(proxy);
    resolver_->names["inside.test"] = {"10.0.0.7"};
    const AttemptResult result = push(target_of("http://inside.test/"));
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::guarded);
    EXPECT_EQ(proxy.connections, 0U);
}

TEST_F(ProxyTest, WhatItWillNotDoIsNoAttempt) {
    for (const char* text : {"HTTP/1.1 403 Forbidden\r\n\r\n",
                             "HTTP/1.1 407 Who are you\r\n\r\n",
                             "HTTP/1.1 302 Found\r\n\r\n",
                             "SSH-2.0-OpenSSH_9.2\r\n\r\n",
                             "HTTP/1.1 200 OK\r\n\r\nmore than was asked for"}) {
        const AttemptResult result = answered(text);
        EXPECT_EQ(result.verdict, Verdict::not_attempted) << text;
        EXPECT_NE(result.excerpt.find("proxy"), std::string::npos) << result.excerpt;
    }
}

TEST_F(ProxyTest, AnEndpointThatItCannotReachWasTried) {
    const AttemptResult result = answered("HTTP/1.1 502 Bad gateway\r\n\r\n");
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::refused);
}

TEST_F(ProxyTest, OneThatClosesOrIsNotThereIsNoAttempt) {
    ScriptedServer proxy(context_, {{step(Step::Kind::read), step(Step::Kind::reset)}});
    go_through(proxy);
    EXPECT_EQ(push(target_of("http://shop.test/")).verdict, Verdict::not_attempted);
    go_through("1");
    EXPECT_EQ(push(target_of("http://shop.test/")).verdict, Verdict::not_attempted);
    resolver_->names.erase("proxy.test");
    EXPECT_EQ(push(target_of("http://shop.test/")).verdict, Verdict::not_attempted);
}

TEST_F(ProxyTest, AnAnswerWithoutEndIsCutOff) {
    ScriptedServer proxy(context_,
                         {{step(Step::Kind::read),
                           step(Step::Kind::send, "HTTP/1.1 200 OK\r\nx: "),
                           step(Step::Kind::flood, std::string(4'096, 'x'))}});
    go_through(proxy);
    EXPECT_EQ(push(target_of("http://shop.test/")).verdict, Verdict::not_attempted);
}

TEST_F(ProxyTest, OneThatDoesNotAnswerEndsAtTheDeadline) {
    ScriptedServer proxy(context_, {{step(Step::Kind::hang)}});
    go_through(proxy);
    const AttemptResult result = push(target_of("http://shop.test/", 100));
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::timeout);
}

TEST_F(ProxyTest, WhatIsNoProxyIsRefused) {
    for (const char* text : {"https://proxy.test:1", "http://proxy.test/path", "proxy.test:1"}) {
        client::ClientOptions options;
        options.proxy = text;
        const auto made = client::HttpClient::make(
            context_.get_executor(), clock_, *resolver_, std::move(options));
        ASSERT_FALSE(made) << text;
        EXPECT_NE(made.error().detail.find(text), std::string::npos) << made.error().detail;
    }
}

}  // namespace
}  // namespace penstock::sinks::http
