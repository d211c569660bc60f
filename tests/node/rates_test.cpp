// What the ways in are told of the rates that queues and topics have of their own.
#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

api::QueueChange rated(std::uint32_t messages_per_s) {
    api::QueueChange change;
    change.messages_per_s = messages_per_s;
    return change;
}

api::CreateTopic topic(std::string name, std::uint32_t messages_per_s) {
    api::CreateTopic request;
    request.name = std::move(name);
    request.attributes.messages_per_s = messages_per_s;
    return request;
}

class Rates : public ::testing::Test {
  protected:
    static node::NodeOptions telling(api::OwnRates& rates) {
        node::NodeOptions options;
        options.own_rates = &rates;
        return options;
    }

    api::OwnRates rates;
    SteppedNode node{telling(rates)};
};

TEST_F(Rates, OfAQueueAreToldWhenItIsMadeChangedAndDeleted) {
    ASSERT_TRUE(node.ask(create_queue("Orders", rated(7))));
    EXPECT_EQ(rates.of(false, "orders"), 7U);
    EXPECT_EQ(node.ask(api::SetQueue{"orders", rated(9)})->attributes.messages_per_s, 9U);
    EXPECT_EQ(rates.of(false, "orders"), 9U);
    api::QueueChange other;
    other.visibility_s = 40;
    EXPECT_EQ(node.ask(api::SetQueue{"orders", other})->attributes.messages_per_s, 9U);
    EXPECT_EQ(rates.of(false, "orders"), 9U) << "what is not named stays";
    EXPECT_EQ(node.ask(api::SetQueue{"orders", rated(0)})->attributes.messages_per_s, 0U);
    EXPECT_EQ(rates.of(false, "orders"), 0U);
    ASSERT_TRUE(node.ask(api::SetQueue{"orders", rated(5)}));
    ASSERT_TRUE(node.ask(api::DeleteQueue{"orders"}));
    EXPECT_EQ(rates.of(false, "orders"), 0U);
}

TEST_F(Rates, OfAQueueWhoseDeleteANodeFinishesAfterItsStartAreForgotten) {
    int finished = 0;
    for (int turns = 1; turns < 20; ++turns) {
        api::OwnRates told;
        SteppedNode cut(telling(told));
        ASSERT_TRUE(cut.ask(create_queue("orders", rated(7))));
        const auto asked = cut.start(api::DeleteQueue{"orders"});
        for (int turn = 0; turn < turns; ++turn) cut.step();
        if (asked.answered()) break;
        cut.restart();
        cut.settle_down();
        const bool there = cut.ask(api::GetQueue{"orders"}).has_value();
        EXPECT_EQ(told.of(false, "orders"), there ? 7U : 0U) << turns;
        if (!there) ++finished;
    }
    EXPECT_GT(finished, 0);
}

TEST_F(Rates, OfATopicAreToldToo) {
    ASSERT_TRUE(node.ask(topic("news", 7)));
    EXPECT_EQ(rates.of(true, "news"), 7U);
    api::SetTopic set;
    set.name = "news";
    set.messages_per_s = 9;
    EXPECT_EQ(node.ask(set)->attributes.messages_per_s, 9U);
    EXPECT_EQ(rates.of(true, "news"), 9U);
    ASSERT_TRUE(node.ask(api::DeleteTopic{"news"}));
    EXPECT_EQ(rates.of(true, "news"), 0U);
}

TEST_F(Rates, AreLearntAtTheFirstRequestAfterAStart) {
    ASSERT_TRUE(node.ask(create_queue("orders", rated(7))));
    ASSERT_TRUE(node.ask(create_queue("jobs", rated(8))));
    ASSERT_TRUE(node.ask(topic("news", 9)));
    api::OwnRates after;
    node.options.own_rates = &after;
    node.restart();
    node.settle_down();
    EXPECT_EQ(after.of(false, "orders"), 0U);
    ASSERT_TRUE(node.ask(send("orders", {"a"})));
    EXPECT_EQ(after.of(false, "orders"), 7U);
    EXPECT_EQ(after.of(false, "jobs"), 0U);
    ASSERT_TRUE(node.ask(receive("jobs")));
    EXPECT_EQ(after.of(false, "jobs"), 8U);
    ASSERT_TRUE(node.ask(publish("news", {"b"})));
    EXPECT_EQ(after.of(true, "news"), 9U);
    node.options.own_rates = nullptr;
    node.restart();
    ASSERT_TRUE(node.ask(send("orders", {"nobody is told"})));
}

TEST_F(Rates, BeyondTheRangeAreRefused) {
    const auto queue = node.ask(create_queue("orders", rated(model::messages_per_s_most + 1)));
    ASSERT_FALSE(queue);
    EXPECT_EQ(queue.error().reason, model::Reason::invalid_parameter);
    EXPECT_EQ(queue.error().subject, "qps");
    const auto news = node.ask(topic("news", model::messages_per_s_most + 1));
    ASSERT_FALSE(news);
    EXPECT_EQ(news.error().subject, "qps");
    ASSERT_TRUE(node.ask(create_queue("orders", rated(model::messages_per_s_most))));
}

}  // namespace
}  // namespace penstock::testing
