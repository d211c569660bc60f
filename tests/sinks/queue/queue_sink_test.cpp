#include "sinks/queue/queue_sink.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

namespace penstock::sinks::queue {
namespace {

using model::Failure;
using model::Verdict;

// Keeps the answer for the test to give, as a broker thread would, later.
class SlowDispatch final : public api::Dispatch {
  public:
    void attach(api::DeliveryListener&) override {}

    void grant(model::SubscriptionNo, std::uint32_t) override {}

    void settle(Settlement, std::function<void(Settled)>) override {}

    void read_kv(model::SubscriptionNo, std::string, std::function<void(api::KvRow)>) override {}

    void disable(model::SubscriptionNo, std::string) override {}

    void report(model::SubscriptionNo, model::PushHealth) override {}

    void feed(model::SubscriptionNo subscription,
              model::Sequence sequence,
              model::Generation generation,
              std::function<void(Failure)> given) override {
        asked = {subscription.value, sequence, generation};
        answer = std::move(given);
    }

    std::vector<std::uint64_t> asked;
    std::function<void(Failure)> answer;
};

class QueueSinkTest : public ::testing::Test {
  protected:
    QueueSinkTest() {
        delivery_.subscription = model::SubscriptionNo{7};
        delivery_.sequence = 41;
        delivery_.generation = 3;
        sink_->deliver(target_, delivery_, [this](const AttemptResult& result) {
            results_.push_back(result);
        });
    }

    void run() {
        context_.restart();
        context_.run();
    }

    boost::asio::io_context context_{1};
    SlowDispatch dispatch_;
    std::unique_ptr<QueueSink> sink_ =
        std::make_unique<QueueSink>(context_.get_executor(), dispatch_);
    api::Target target_;
    api::Delivery delivery_;
    std::vector<AttemptResult> results_;
};

TEST_F(QueueSinkTest, ATakenDeliveryIsAcceptedAndSettled) {
    EXPECT_EQ(dispatch_.asked, (std::vector<std::uint64_t>{7, 41, 3}));
    dispatch_.answer(Failure::none);
    EXPECT_TRUE(results_.empty()) << "it must not run on the broker's thread";
    run();
    ASSERT_EQ(results_.size(), 1U);
    EXPECT_EQ(results_[0].verdict, Verdict::accepted);
    EXPECT_EQ(results_[0].failure, Failure::none);
    EXPECT_TRUE(results_[0].settled);
}

TEST_F(QueueSinkTest, AFullQueueAsksForARetry) {
    dispatch_.answer(Failure::queue_full);
    run();
    ASSERT_EQ(results_.size(), 1U);
    EXPECT_EQ(results_[0].verdict, Verdict::retry);
    EXPECT_EQ(results_[0].failure, Failure::queue_full);
    EXPECT_FALSE(results_[0].settled);
}

TEST_F(QueueSinkTest, AQueueThatIsGoneAsksForARetry) {
    dispatch_.answer(Failure::queue_gone);
    run();
    ASSERT_EQ(results_.size(), 1U);
    EXPECT_EQ(results_[0].verdict, Verdict::retry);
    EXPECT_EQ(results_[0].failure, Failure::queue_gone);
}

TEST_F(QueueSinkTest, StoppingEndsWhatWaitsAndALateAnswerChangesNothing) {
    sink_->stop();
    ASSERT_EQ(results_.size(), 1U);
    EXPECT_EQ(results_[0].verdict, Verdict::not_attempted);
    EXPECT_FALSE(results_[0].settled);
    dispatch_.answer(Failure::none);
    run();
    EXPECT_EQ(results_.size(), 1U);
}

TEST_F(QueueSinkTest, AnAnswerAfterTheSinkIsGoneFindsNobody) {
    sink_.reset();
    dispatch_.answer(Failure::none);
    run();
    EXPECT_TRUE(results_.empty());
}

}  // namespace
}  // namespace penstock::sinks::queue
