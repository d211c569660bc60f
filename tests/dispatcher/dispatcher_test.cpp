#include "dispatcher/dispatcher.h"

#include "sinks/http/http_sink.h"
#include "sinks/queue/queue_sink.h"
#include "tests/support/fake_dispatch.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/run_until.h"
#include "tests/support/scripted_server.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace penstock::dispatcher {
namespace {

using model::SubscriptionNo;
using model::Verdict;
using testing::always;
using testing::ok_answer;
using testing::ScriptedServer;
using testing::step;
using testing::Step;
using namespace std::chrono_literals;

constexpr SubscriptionNo alpha{11};
constexpr SubscriptionNo beta{12};

class DispatcherTest : public ::testing::Test {
  protected:
    DispatcherTest() {
        sinks::http::HttpSinkOptions options;
        options.client.addresses = sinks::client::AddressPolicy::any;
        auto http = sinks::http::HttpSink::make(
            context_.get_executor(),
            clock_,
            random_,
            std::make_unique<testing::FakeResolver>(context_.get_executor()),
            options);
        sinks::Sinks sinks;
        sinks.emplace(model::SinkKind::http, std::move(*http));
        sinks.emplace(
            model::SinkKind::queue,
            std::make_unique<sinks::queue::QueueSink>(context_.get_executor(), dispatch_));
        dispatcher_ = std::make_unique<Dispatcher>(
            context_.get_executor(), dispatch_, std::move(sinks), clock_);
        dispatcher_->start();
    }

    static api::Target target(SubscriptionNo subscription,
                              const std::string& url,
                              std::uint32_t concurrency = 4,
                              std::uint32_t timeout_ms = 5'000) {
        api::Target target;
        target.subscription = subscription;
        target.topic = "orders";
        target.name = "s" + std::to_string(subscription.value);
        target.spec.endpoint = url;
        target.spec.format = model::ContentFormat::simplified;
        target.spec.concurrency = concurrency;
        target.spec.timeout_ms = timeout_ms;
        return target;
    }

    bool settled(std::size_t items) {
        return testing::run_until(context_,
                                  [this, items]() { return dispatch_.settled_items >= items; });
    }

    asio::io_context context_{1};
    SystemClock clock_;
    SeededRandom random_{1};
    testing::FakeDispatch dispatch_;
    std::unique_ptr<Dispatcher> dispatcher_;
};

TEST_F(DispatcherTest, EveryMessageIsPushedOnceInOrderAndSettled) {
    ScriptedServer server(context_, {always(ok_answer)});
    dispatch_.add(target(alpha, server.url(), 1));
    for (int number = 1; number <= 50; ++number) {
        dispatch_.publish(alpha, "message " + std::to_string(number));
    }
    ASSERT_TRUE(settled(50));
    ASSERT_EQ(server.requests.size(), 50U);
    for (std::size_t at = 0; at < 50; ++at) {
        EXPECT_TRUE(server.requests[at].ends_with("\r\nmessage " + std::to_string(at + 1)));
    }
    const auto items = dispatch_.items(alpha);
    ASSERT_EQ(items.size(), 50U);
    for (std::size_t at = 0; at < 50; ++at) {
        EXPECT_EQ(items[at].sequence, at + 1);
        EXPECT_EQ(items[at].verdict, Verdict::accepted);
    }
}

TEST_F(DispatcherTest, ABatchIsOneRequestAndItsMessagesEndEachByItself) {
    const std::string body = R"({"batchItemFailures":[{"itemIdentifier":"2"}]})";
    ScriptedServer server(context_,
                          {always("HTTP/1.1 200 OK\r\nContent-Length: " +
                                  std::to_string(body.size()) + "\r\n\r\n" + body)});
    api::Target batching = target(alpha, server.url(), 1);
    batching.spec.format = model::ContentFormat::cloudevents_batch;
    batching.spec.pace.batch = 3;
    batching.spec.pace.batch_linger_ms = 5'000;
    dispatch_.add(batching);
    for (int number = 1; number <= 3; ++number) dispatch_.publish(alpha, std::to_string(number));
    ASSERT_TRUE(settled(3));
    ASSERT_EQ(server.requests.size(), 1U);
    EXPECT_NE(server.requests[0].find(R"("data":1)"), std::string::npos);
    EXPECT_NE(server.requests[0].find(R"("data":3)"), std::string::npos);
    const auto items = dispatch_.items(alpha);
    ASSERT_EQ(items.size(), 3U);
    EXPECT_EQ(items[0].verdict, Verdict::accepted);
    EXPECT_EQ(items[1].verdict, Verdict::retry);
    EXPECT_EQ(items[1].excerpt, "the handler names it in batchItemFailures");
    EXPECT_EQ(items[2].verdict, Verdict::accepted);
    EXPECT_EQ(dispatch_.settlements[0].attempts.size(), 3U);
}

TEST_F(DispatcherTest, WhatAnAnswerPublishesIsSettledWithItsMessage) {
    const std::string body = R"({"publish":[{"queue":"bills","body":"7"}]})";
    ScriptedServer server(context_,
                          {always("HTTP/1.1 200 OK\r\nContent-Length: " +
                                  std::to_string(body.size()) + "\r\n\r\n" + body)});
    dispatch_.add(target(alpha, server.url()));
    dispatch_.publish(alpha, "x");
    ASSERT_TRUE(settled(1));
    EXPECT_TRUE(dispatch_.settlements[0].effects.empty());  // nobody let it
    api::Target publishing = target(beta, server.url());
    publishing.spec.pace.outputs = true;
    dispatch_.add(publishing);
    dispatch_.publish(beta, "x");
    ASSERT_TRUE(settled(2));
    const api::Dispatch::Settlement& settlement = dispatch_.settlements[1];
    ASSERT_EQ(settlement.effects.size(), 1U);
    ASSERT_EQ(settlement.effects[0].outputs.size(), 1U);
    EXPECT_EQ(settlement.effects[0].outputs[0].queue, "bills");
    EXPECT_EQ(settlement.effects[0].outputs[0].message.payload, "7");
}

TEST_F(DispatcherTest, AnEndpointThatDoesNotAgreeIsShownAndLeftAlone) {
    ScriptedServer server(context_, {always(ok_answer)});
    api::Target asked = target(alpha, server.url());
    asked.spec.pace.handshake = model::Handshake::cloudevents;
    dispatch_.add(asked);
    for (int number = 0; number < 20; ++number) dispatch_.publish(alpha, "x");
    ASSERT_TRUE(settled(1));
    EXPECT_EQ(dispatch_.items(alpha)[0].failure, model::Failure::handshake);
    EXPECT_EQ(dispatch_.items(alpha)[0].verdict, Verdict::not_attempted);
    ASSERT_TRUE(testing::run_until(
        context_, [&]() { return dispatch_.reported[alpha].reason.starts_with("the handshake"); }));
    EXPECT_EQ(dispatch_.reported[alpha].hold, model::Hold::handshake);
    EXPECT_GT(dispatch_.reported[alpha].until_ms, clock_.wall_ms());
    EXPECT_EQ(dispatch_.settled_items, 1U);
    ASSERT_EQ(server.requests.size(), 1U);
    EXPECT_TRUE(server.requests[0].starts_with("OPTIONS "));
}

TEST_F(DispatcherTest, AnEndpointThatAgreesIsShownWithItsRate) {
    ScriptedServer server(context_,
                          {always("HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\n"
                                  "WebHook-Allowed-Rate: 6000\r\nContent-Length: 0\r\n\r\n")});
    api::Target asked = target(alpha, server.url());
    asked.spec.pace.handshake = model::Handshake::cloudevents;
    dispatch_.add(asked);
    for (int number = 0; number < 5; ++number) dispatch_.publish(alpha, "x");
    ASSERT_TRUE(settled(5));
    EXPECT_EQ(server.requests.size(), 6U);
    EXPECT_EQ(dispatch_.reported[alpha].hold, model::Hold::none);
    EXPECT_EQ(dispatch_.reported[alpha].agreed_per_minute, 6'000U);
    EXPECT_GT(dispatch_.reported[alpha].agreed_ms, 0);
}

TEST_F(DispatcherTest, AFailureIsSettledAsARetryWithItsAttempt) {
    ScriptedServer server(
        context_, {always("HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy")});
    dispatch_.add(target(alpha, server.url()));
    dispatch_.publish(alpha, "hello");
    ASSERT_TRUE(settled(1));
    const api::Dispatch::Settlement& settlement = dispatch_.settlements[0];
    EXPECT_EQ(settlement.items[0].verdict, Verdict::retry);
    EXPECT_EQ(settlement.items[0].status, 503U);
    EXPECT_EQ(settlement.items[0].retry_after_ms, 3'000U);
    ASSERT_EQ(settlement.attempts.size(), 1U);
    EXPECT_EQ(settlement.attempts[0].excerpt, "busy");
    EXPECT_EQ(settlement.attempts[0].target, "127.0.0.1:" + std::to_string(server.port()));
    EXPECT_GT(settlement.attempts[0].latency_us, 0U);
}

TEST_F(DispatcherTest, NoMoreRequestsThanTheConcurrencyAreOpenAtATime) {
    ScriptedServer server(context_, {{step(Step::Kind::read), step(Step::Kind::hang)}});
    dispatch_.add(target(alpha, server.url(), 3, 100));
    for (int number = 0; number < 9; ++number) dispatch_.publish(alpha, "x");
    ASSERT_TRUE(testing::run_until(context_, [&]() { return server.requests.size() == 3; }));
    EXPECT_EQ(dispatch_.settled_items, 0U);
    ASSERT_TRUE(settled(9));
    for (const auto& item : dispatch_.items(alpha)) {
        EXPECT_EQ(item.failure, model::Failure::timeout);
    }
}

TEST_F(DispatcherTest, AnEndpointThatHangsDelaysNoOther) {
    ScriptedServer hanging(context_, {{step(Step::Kind::read), step(Step::Kind::hang)}});
    ScriptedServer healthy(context_, {always(ok_answer)});
    dispatch_.add(target(alpha, hanging.url(), 16, 60'000));
    dispatch_.add(target(beta, healthy.url(), 16));
    for (int number = 0; number < 100; ++number) dispatch_.publish(alpha, "x");
    ASSERT_TRUE(testing::run_until(context_, [&]() { return hanging.requests.size() == 16; }));
    for (int number = 0; number < 300; ++number) dispatch_.publish(beta, "y");
    ASSERT_TRUE(settled(300));
    EXPECT_EQ(dispatch_.items(alpha).size(), 0U);
}

TEST_F(DispatcherTest, ADeliveryToAQueueIsFedAndNotSettledAgain) {
    api::Target queue = target(alpha, "jobs");
    queue.spec.sink = model::SinkKind::queue;
    dispatch_.add(queue);
    dispatch_.publish(alpha, "hello");
    ASSERT_TRUE(testing::run_until(context_, [this]() { return dispatch_.fed.size() == 1; }));
    EXPECT_FALSE(testing::run_until(
        context_, [this]() { return dispatch_.settled_items > 0; }, 50ms));
}

TEST_F(DispatcherTest, AFullQueueIsARetry) {
    dispatch_.feed_result = model::Failure::queue_full;
    api::Target queue = target(alpha, "jobs");
    queue.spec.sink = model::SinkKind::queue;
    dispatch_.add(queue);
    dispatch_.publish(alpha, "hello");
    ASSERT_TRUE(settled(1));
    EXPECT_EQ(dispatch_.items(alpha)[0].verdict, Verdict::retry);
    EXPECT_EQ(dispatch_.items(alpha)[0].failure, model::Failure::queue_full);
}

TEST_F(DispatcherTest, AChangedTargetIsUsedForWhatWaits) {
    ScriptedServer first(context_, {always(ok_answer)});
    ScriptedServer second(context_, {always(ok_answer)});
    dispatch_.add(target(alpha, first.url()));
    dispatch_.publish(alpha, "one");
    ASSERT_TRUE(settled(1));
    dispatcher_->on_target(target(alpha, second.url()));
    dispatch_.publish(alpha, "two");
    ASSERT_TRUE(settled(2));
    EXPECT_EQ(first.requests.size(), 1U);
    EXPECT_EQ(second.requests.size(), 1U);
}

TEST_F(DispatcherTest, AForgottenTargetGetsNothingMore) {
    ScriptedServer server(context_, {always(ok_answer)});
    dispatch_.add(target(alpha, server.url()));
    dispatcher_->on_target_gone(alpha);
    dispatch_.publish(alpha, "late");
    EXPECT_FALSE(testing::run_until(
        context_, [&]() { return !server.requests.empty(); }, 50ms));
}

TEST_F(DispatcherTest, StoppingLetsAttemptsEndAndSettlesThem) {
    ScriptedServer server(context_,
                          {{step(Step::Kind::read),
                            step(Step::Kind::pause, "", 50),
                            step(Step::Kind::send, ok_answer),
                            step(Step::Kind::hang)}});
    dispatch_.add(target(alpha, server.url(), 1));
    dispatch_.publish(alpha, "one");
    dispatch_.publish(alpha, "two");
    ASSERT_TRUE(testing::run_until(context_, [&]() { return server.requests.size() == 1; }));
    bool stopped = false;
    dispatcher_->stop(5s, [&stopped]() { stopped = true; });
    ASSERT_TRUE(testing::run_until(context_, [&]() { return stopped; }));
    ASSERT_EQ(dispatch_.items(alpha).size(), 1U);
    EXPECT_EQ(dispatch_.items(alpha)[0].verdict, Verdict::accepted);
    EXPECT_EQ(server.requests.size(), 1U);
}

TEST_F(DispatcherTest, StoppingWaitsNoLongerThanItsDeadline) {
    ScriptedServer server(context_, {{step(Step::Kind::read), step(Step::Kind::hang)}});
    dispatch_.add(target(alpha, server.url(), 1, 60'000));
    dispatch_.publish(alpha, "one");
    ASSERT_TRUE(testing::run_until(context_, [&]() { return server.requests.size() == 1; }));
    bool stopped = false;
    dispatcher_->stop(50ms, [&stopped]() { stopped = true; });
    ASSERT_TRUE(testing::run_until(
        context_, [&]() { return stopped; }, 2s));
    EXPECT_EQ(dispatch_.settled_items, 0U);
}

TEST_F(DispatcherTest, StoppingWithNothingInFlightIsImmediate) {
    bool stopped = false;
    dispatcher_->stop(60s, [&stopped]() { stopped = true; });
    EXPECT_TRUE(testing::run_until(
        context_, [&]() { return stopped; }, 2s));
}

}  // namespace
}  // namespace penstock::dispatcher
