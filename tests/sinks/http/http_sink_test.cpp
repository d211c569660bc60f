#include "tests/sinks/http/http_sink_fixture.h"

#include <string>
#include <vector>

namespace penstock::sinks::http {
namespace {

using model::Failure;
using model::Verdict;
using testing::always;
using testing::ok_answer;
using testing::Script;
using testing::ScriptedServer;
using testing::step;
using testing::Step;

using HttpSinkTest = HttpSinkFixture;

TEST_F(HttpSinkTest, APushIsOnePostAndItsAnswerIsTheVerdict) {
    ScriptedServer server(context_, {always(ok_answer)});
    const AttemptResult result = push(target_of(server.url()));
    EXPECT_EQ(result.verdict, Verdict::accepted);
    EXPECT_EQ(result.status, 200U);
    ASSERT_EQ(server.requests.size(), 1U);
    EXPECT_TRUE(server.requests[0].starts_with("POST /hook HTTP/1.1\r\nHost: 127.0.0.1:"));
    EXPECT_TRUE(server.requests[0].ends_with("\r\n\r\nhello"));
}

TEST_F(HttpSinkTest, TheConnectionIsKeptForTheNextPush) {
    ScriptedServer server(context_, {always(ok_answer)});
    for (int turn = 0; turn < 5; ++turn) {
        EXPECT_EQ(push(target_of(server.url())).verdict, Verdict::accepted);
    }
    EXPECT_EQ(server.connections, 1U);
    EXPECT_EQ(server.requests.size(), 5U);
}

TEST_F(HttpSinkTest, AConnectionThatTheServerWantsClosedIsNotKept) {
    ScriptedServer server(
        context_, {always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")});
    push(target_of(server.url()));
    push(target_of(server.url()));
    EXPECT_EQ(server.connections, 2U);
}

TEST_F(HttpSinkTest, AConnectionThatSwitchesProtocolsIsNotKept) {
    ScriptedServer server(context_, {always("HTTP/1.1 101 Switching Protocols\r\n\r\n")});
    EXPECT_EQ(push(target_of(server.url())).status, 101U);
    EXPECT_EQ(push(target_of(server.url())).status, 101U);
    EXPECT_EQ(server.connections, 2U);
}

TEST_F(HttpSinkTest, AKeptConnectionThatTheServerClosedMeanwhileIsReplacedSilently) {
    const Script once = {step(Step::Kind::read),
                         step(Step::Kind::send, ok_answer),
                         step(Step::Kind::close),
                         step(Step::Kind::hang)};
    ScriptedServer server(context_, {once, always(ok_answer)});
    EXPECT_EQ(push(target_of(server.url())).verdict, Verdict::accepted);
    EXPECT_EQ(push(target_of(server.url())).verdict, Verdict::accepted);
    EXPECT_EQ(server.connections, 2U);
    EXPECT_EQ(server.requests.size(), 2U);
}

TEST_F(HttpSinkTest, AKeptConnectionThatDiesUnderARequestIsARetryAndNothingIsSentTwice) {
    const Script once = {step(Step::Kind::read),
                         step(Step::Kind::send, ok_answer),
                         step(Step::Kind::read),
                         step(Step::Kind::reset)};
    ScriptedServer server(context_, {once, always(ok_answer)});
    push(target_of(server.url()));
    const AttemptResult result = push(target_of(server.url()));
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::reset);
    EXPECT_EQ(server.requests.size(), 2U);
    EXPECT_EQ(server.connections, 1U);
}

TEST_F(HttpSinkTest, WhatComesUnaskedOnAKeptConnectionEndsIt) {
    const Script chatty = {step(Step::Kind::read),
                           step(Step::Kind::send, ok_answer + ok_answer),
                           step(Step::Kind::hang)};
    ScriptedServer server(context_, {chatty, always(ok_answer)});
    EXPECT_EQ(push(target_of(server.url())).verdict, Verdict::accepted);
    EXPECT_EQ(push(target_of(server.url())).status, 200U);
    EXPECT_EQ(server.connections, 2U);
}

TEST_F(HttpSinkTest, AnEarlyAnswerToALargeRequestCounts) {
    const Script early = {
        step(Step::Kind::peek),
        step(Step::Kind::send, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"),
        step(Step::Kind::pause, "", 2'000)};
    ScriptedServer server(context_, {early});
    const AttemptResult result = push(target_of(server.url()), std::string(16 << 20, 'x'));
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.status, 413U);
    EXPECT_EQ(result.excerpt, "big");
}

TEST_F(HttpSinkTest, RetryAfterIsPassedOn) {
    ScriptedServer server(
        context_, {always("HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 4\r\n\r\nbusy")});
    const AttemptResult result = push(target_of(server.url()));
    EXPECT_EQ(result.retry_after_ms, 9'000U);
    EXPECT_EQ(result.excerpt, "busy");
    EXPECT_EQ(result.target, "127.0.0.1:" + std::to_string(server.port()));
}

TEST_F(HttpSinkTest, WhatAnAnswerPublishesIsKeptThoughTheSubscriptionChangesMeanwhile) {
    const std::string body = R"({"publish":[{"queue":"bills","body":"7"}]})";
    ScriptedServer server(context_,
                          {{step(Step::Kind::read),
                            step(Step::Kind::pause, "", 20),
                            step(Step::Kind::send,
                                 "HTTP/1.1 200 OK\r\npenstock-delay: 10m\r\nContent-Length: " +
                                     std::to_string(body.size()) + "\r\n\r\n" + body),
                            step(Step::Kind::hang)}});
    api::Target target = target_of(server.url());
    target.spec.pace.outputs = true;
    api::Delivery delivery;
    delivery.subscription = target.subscription;
    delivery.payload = "hello";
    std::optional<AttemptResult> result;
    sink_->deliver(target, delivery, [&result](AttemptResult ended) { result = std::move(ended); });
    ASSERT_TRUE(testing::run_until(context_, [&]() { return server.requests.size() == 1; }));
    sink_->forget(target);
    ASSERT_TRUE(testing::run_until(context_, [&]() { return result.has_value(); }));
    EXPECT_EQ(result->verdict, Verdict::accepted);
    ASSERT_TRUE(result->effects);
    EXPECT_EQ(result->effects->outputs.size(), 1U);
}

TEST_F(HttpSinkTest, RedirectsAreNotFollowed) {
    ScriptedServer second(context_, {always(ok_answer)});
    ScriptedServer first(context_,
                         {always("HTTP/1.1 301 Moved\r\nLocation: " + second.url() +
                                 "\r\nContent-Length: 0\r\n\r\n")});
    const AttemptResult result = push(target_of(first.url()));
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::status);
    EXPECT_EQ(result.status, 301U);
    EXPECT_EQ(second.connections, 0U);
}

TEST_F(HttpSinkTest, NobodyListeningIsRefused) {
    using boost::asio::ip::tcp;
    tcp::acceptor gone(context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const std::string url = "http://127.0.0.1:" + std::to_string(gone.local_endpoint().port());
    gone.close();
    const AttemptResult result = push(target_of(url));
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::refused);
}

TEST_F(HttpSinkTest, TheSecondAddressIsTriedWhenTheFirstRefuses) {
    ScriptedServer server(context_, {always(ok_answer)});
    resolver_->names["both.test"] = {"127.0.0.2", "127.0.0.1"};
    const std::string url = "http://both.test:" + std::to_string(server.port()) + "/";
    EXPECT_EQ(push(target_of(url)).verdict, Verdict::accepted);
}

TEST_F(HttpSinkTest, ANameThatDoesNotResolveIsNoAttemptAndThePauseGrows) {
    const api::Target target = target_of("http://nowhere.test/");
    time_ = &still_;
    open({});
    std::vector<std::uint32_t> pauses;
    for (int turn = 0; turn < 6; ++turn) {
        const AttemptResult result = push(target);
        EXPECT_EQ(result.verdict, Verdict::not_attempted);
        EXPECT_EQ(result.failure, Failure::name);
        // However many messages there are, they wait for the same thing.
        EXPECT_EQ(push(target).retry_after_ms, result.retry_after_ms);
        pauses.push_back(result.retry_after_ms);
        still_.advance_ms(result.retry_after_ms);
    }
    EXPECT_EQ(pauses, (std::vector<std::uint32_t>{5'000, 10'000, 20'000, 40'000, 60'000, 60'000}));
}

TEST_F(HttpSinkTest, TooManyLookUpsAreOurOwnFault) {
    resolver_->unknown = client::Resolved::Ending::exhausted;
    const AttemptResult result = push(target_of("http://nowhere.test/"));
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::exhausted_resources);
}

TEST_F(HttpSinkTest, AResolverThatNeverAnswersIsEndedByTheDeadline) {
    resolver_->silent = true;
    const AttemptResult result = push(target_of("http://slow.test/", 100));
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::name);
}

TEST_F(HttpSinkTest, AGuardedAddressOfAnOpenNetworkIsConnectedTo) {
    guarded_ = true;
    client::ClientOptions options;
    options.networks = *Networks::parse("127.0.0.0/8");
    open(options);
    ScriptedServer server(context_, {always(ok_answer)});
    EXPECT_EQ(push(target_of(server.url())).verdict, Verdict::accepted);
    resolver_->names["both.test"] = {"127.0.0.1", "10.0.0.1"};
    const std::string both = "http://both.test:" + std::to_string(server.port()) + "/";
    EXPECT_EQ(push(target_of(both)).failure, Failure::guarded);
}

TEST_F(HttpSinkTest, AGuardedAddressIsNeverConnectedTo) {
    guarded_ = true;
    open({});
    ScriptedServer server(context_, {always(ok_answer)});
    const AttemptResult result = push(target_of(server.url()));
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::guarded);
    EXPECT_EQ(result.target, "");
    EXPECT_EQ(result.retry_after_ms, 5'000U);
    EXPECT_EQ(server.connections, 0U);
}

TEST_F(HttpSinkTest, OneGuardedAddressAmongPublicOnesIsEnough) {
    guarded_ = true;
    open({});
    resolver_->names["mixed.test"] = {"93.184.216.34", "127.0.0.1"};
    const AttemptResult result = push(target_of("http://mixed.test/"));
    EXPECT_EQ(result.failure, Failure::guarded);
}

TEST_F(HttpSinkTest, TooManyConnectionsToOneEndpointAreADeferral) {
    client::ClientOptions options;
    options.endpoint_connections_max = 1;
    open(options);
    ScriptedServer server(context_, {{step(Step::Kind::hang)}});
    const api::Target target = target_of(server.url(), 300);
    api::Delivery delivery;
    std::vector<AttemptResult> results;
    for (int turn = 0; turn < 2; ++turn) {
        sink_->deliver(
            target, delivery, [&results](AttemptResult result) { results.push_back(result); });
    }
    ASSERT_TRUE(testing::run_until(context_, [&results]() { return results.size() == 2; }));
    EXPECT_EQ(results[0].verdict, Verdict::not_attempted);
    EXPECT_EQ(results[0].failure, Failure::exhausted_resources);
    EXPECT_EQ(results[1].failure, Failure::timeout);
}

TEST_F(HttpSinkTest, AnEndpointThatIsNoUrlIsADeferral) {
    const AttemptResult result = push(target_of("nonsense"));
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::name);
    EXPECT_EQ(result.retry_after_ms, 60'000U);
}

TEST_F(HttpSinkTest, AChangedEndpointIsUsedAtOnce) {
    ScriptedServer first(context_, {always(ok_answer)});
    ScriptedServer second(context_, {always(ok_answer)});
    push(target_of(first.url()));
    push(target_of(second.url()));
    EXPECT_EQ(first.requests.size(), 1U);
    EXPECT_EQ(second.requests.size(), 1U);
}

TEST_F(HttpSinkTest, StoppingEndsWhatIsInFlight) {
    ScriptedServer server(context_, {{step(Step::Kind::hang)}});
    const api::Target target = target_of(server.url());
    api::Delivery delivery;
    std::vector<AttemptResult> results;
    sink_->deliver(
        target, delivery, [&results](AttemptResult result) { results.push_back(result); });
    ASSERT_TRUE(testing::run_until(context_, [&server]() { return server.connections == 1; }));
    sink_->stop();
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results[0].verdict, Verdict::not_attempted);
}

}  // namespace
}  // namespace penstock::sinks::http
