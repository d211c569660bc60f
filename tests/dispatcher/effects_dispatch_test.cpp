// The dispatcher with a sink whose handlers want something: what reaches the broker, what is
// handled again, and a sink that asks for its subscription to be taken out of service.
#include "dispatcher/dispatcher.h"
#include "tests/support/fake_dispatch.h"
#include "tests/support/run_until.h"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {
namespace {

using model::SubscriptionNo;
using model::Verdict;

constexpr SubscriptionNo alpha{11};

// Answers a turn later, what `answer` says.
class HandlerSink final : public sinks::Sink {
  public:
    using Answer = std::function<sinks::AttemptResult(const api::Delivery&)>;

    HandlerSink(asio::any_io_executor executor, Answer answer)
        : executor_(std::move(executor)), answer_(std::move(answer)) {}

    void deliver(const api::Target&, const api::Delivery& delivery, Done done) override {
        asio::post(executor_,
                   [result = answer_(delivery), done = std::move(done)]() { done(result); });
    }

    void forget(const api::Target&) override {}

    void stop() override {}

  private:
    asio::any_io_executor executor_;
    Answer answer_;
};

class EffectsDispatchTest : public ::testing::Test {
  protected:
    void start(HandlerSink::Answer answer, std::uint32_t concurrency) {
        sinks::Sinks sinks;
        sinks.emplace(
            model::SinkKind::lua,
            std::make_unique<HandlerSink>(context_.get_executor(),
                                          [this, answer = std::move(answer)](const auto& delivery) {
                                              handled_.push_back(delivery.payload);
                                              return answer(delivery);
                                          }));
        dispatcher_ = std::make_unique<Dispatcher>(
            context_.get_executor(), dispatch_, std::move(sinks), clock_);
        dispatcher_->start();
        api::Target target;
        target.subscription = alpha;
        target.topic = "orders";
        target.name = "counter";
        target.spec.sink = model::SinkKind::lua;
        target.spec.concurrency = concurrency;
        target.spec.retry.keeps_order = keeps_order_;
        dispatch_.add(target);
    }

    bool settled(std::size_t items) {
        return testing::run_until(context_,
                                  [this, items]() { return dispatch_.settled_items >= items; });
    }

    asio::io_context context_{1};
    SystemClock clock_;
    testing::FakeDispatch dispatch_;
    std::vector<std::string> handled_;
    bool keeps_order_ = false;
    std::unique_ptr<Dispatcher> dispatcher_;
};

sinks::AttemptResult counting(const api::Delivery& delivery) {
    sinks::AttemptResult result;
    result.effects.emplace();
    result.effects->reads.push_back({"n", 7});
    result.effects->writes.push_back({model::KvWrite::Kind::put, "n", delivery.payload, 0, 0});
    return result;
}

TEST_F(EffectsDispatchTest, WhatAHandlerWantsReachesTheBrokerWithItsItem) {
    start(counting, 1);
    dispatch_.publish(alpha, "one");
    ASSERT_TRUE(settled(1));
    const api::Dispatch::Settlement& settlement = dispatch_.settlements.at(0);
    EXPECT_EQ(settlement.items.at(0).verdict, Verdict::accepted);
    ASSERT_EQ(settlement.effects.size(), 1U);
    EXPECT_EQ(settlement.effects[0].item, 0U);
    EXPECT_EQ(settlement.effects[0].writes.at(0).value, "one");
    EXPECT_EQ(settlement.effects[0].reads.at(0).version, 7U);
}

TEST_F(EffectsDispatchTest, WhatHasMovedIsHandledAgainAndSettledAgain) {
    start(counting, 1);
    dispatch_.moved = {0};
    dispatch_.publish(alpha, "one");
    dispatch_.publish(alpha, "two");
    ASSERT_TRUE(settled(3));
    ASSERT_EQ(handled_.size(), 3U);
    EXPECT_EQ(handled_[0], "one");
    EXPECT_EQ(std::count(handled_.begin(), handled_.end(), "one"), 2);
    const auto items = dispatch_.items(alpha);
    EXPECT_EQ(items.at(0).sequence, 1U);
    EXPECT_EQ(std::count_if(items.begin(),
                            items.end(),
                            [](const model::SettleItem& item) { return item.sequence == 1; }),
              2);
}

TEST_F(EffectsDispatchTest, WhatMovesForEverIsDeferredAfterFiveReruns) {
    start(counting, 1);
    dispatch_.on_settled = [this] {
        const bool effects = !dispatch_.settlements.back().effects.empty();
        if (effects) dispatch_.moved = {0};
    };
    dispatch_.publish(alpha, "one");
    ASSERT_TRUE(settled(7));
    EXPECT_EQ(handled_.size(), 6U);
    const model::SettleItem last = dispatch_.items(alpha).back();
    EXPECT_EQ(last.verdict, Verdict::not_attempted);
    EXPECT_EQ(last.failure, model::Failure::kv_moved);
}

TEST_F(EffectsDispatchTest, WhereOrderIsKeptWhatIsRefusedSendsBackWhatIsBehindIt) {
    keeps_order_ = true;
    start(counting, 1);
    dispatch_.refused = {0};
    for (const char* payload : {"one", "two", "three"}) dispatch_.publish(alpha, payload);
    ASSERT_TRUE(settled(3));
    EXPECT_EQ(handled_, (std::vector<std::string>{"one"}));
    const auto items = dispatch_.items(alpha);
    EXPECT_EQ(items.at(1).sequence, 2U);
    EXPECT_EQ(items[1].verdict, Verdict::not_attempted);
    EXPECT_EQ(items.at(2).sequence, 3U);
    EXPECT_EQ(items[2].verdict, Verdict::not_attempted);
}

TEST_F(EffectsDispatchTest, ABrokenTargetIsReportedOnceHoweverManyAttemptsMeetIt) {
    start(
        [](const api::Delivery&) {
            sinks::AttemptResult result;
            result.verdict = Verdict::not_attempted;
            result.failure = model::Failure::configuration;
            result.disable = "orders/counter: /usr/bin/handler is missing; see penstock fn check";
            return result;
        },
        8);
    for (int at = 0; at < 8; ++at) dispatch_.publish(alpha, std::to_string(at));
    ASSERT_TRUE(settled(8));
    EXPECT_EQ(dispatch_.disable_calls, 1U);
    EXPECT_EQ(dispatch_.disabled.at(alpha),
              "orders/counter: /usr/bin/handler is missing; see penstock fn check");
}

}  // namespace
}  // namespace penstock::dispatcher
