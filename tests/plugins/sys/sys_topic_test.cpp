#include "plugins/sys/sys_topic.h"

#include "tests/support/fake_broker.h"
#include "tests/support/run_until.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace penstock::plugins::sys {

namespace {

class Letters final : public api::MetricSource {
  public:
    void measure(std::function<void(model::Metrics)> take) override {
        model::Metrics metrics;
        ++asked;
        metrics.gauge("penstock_queue_depth", "D.", asked, {{"queue", "news.hook.dlq"}});
        take(std::move(metrics));
    }

    int asked = 0;
};

TEST(SysTopic, PublishesWhatHappensUntilItIsStopped) {
    boost::asio::io_context context;
    testing::FakeBroker broker;
    Letters figures;
    SysTopic topic(
        context.get_executor(), broker, figures, "//shop/sys", std::chrono::milliseconds(1));
    topic.start();
    ASSERT_TRUE(testing::run_until(context, [&] { return broker.requests.size() >= 3; }));
    const auto* first = std::get_if<api::PublishMessages>(&broker.requests[0]);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->topic, "sys");
    EXPECT_EQ(first->messages.at(0).payload, R"({"type":"penstock.server.started"})");
    const auto* second = std::get_if<api::PublishMessages>(&broker.requests[1]);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->messages.at(0).payload,
              R"({"type":"penstock.dead_letters.arrived","subject":"news.hook.dlq",)"
              R"("new":1,"letters":2})");
    topic.stop();
    context.run();
    const int asked = figures.asked;
    context.restart();
    context.run();
    EXPECT_EQ(figures.asked, asked);
}

TEST(SysTopic, WaitsUntilTheServerIsReady) {
    boost::asio::io_context context;
    testing::FakeBroker broker;
    broker.is_ready = false;
    Letters figures;
    SysTopic topic(
        context.get_executor(), broker, figures, "//shop/sys", std::chrono::milliseconds(1));
    topic.start();
    EXPECT_FALSE(testing::run_until(
        context, [&] { return figures.asked > 0; }, std::chrono::milliseconds(20)));
    topic.stop();
    context.run();
    EXPECT_TRUE(broker.requests.empty());
}

}  // namespace

}  // namespace penstock::plugins::sys
