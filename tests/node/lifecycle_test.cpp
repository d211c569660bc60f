#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

using model::Reason;

namespace {

void create_topic(SteppedNode& node, const std::string& name) {
    check(node.ask(api::CreateTopic{name, {}}).has_value(), "topic");
}

std::vector<std::string> automatic_queues(SteppedNode& node) {
    const auto page = node.ask(api::ListQueues{"", {}, false, true});
    std::vector<std::string> names;
    for (const api::NamedId& item : page->items) names.push_back(item.name);
    return names;
}

}  // namespace

TEST(Lifecycle, ASubscriptionComesWithItsDeadLetterQueue) {
    SteppedNode node;
    create_topic(node, "news");
    const auto made = node.ask(subscribe("news", "hook"));
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(made->topic, "news");
    EXPECT_EQ(made->name, "hook");
    EXPECT_EQ(made->dead_letter_queue, "news.hook.dlq");
    const auto queue = node.ask(api::GetQueue{"news.hook.dlq"});
    ASSERT_TRUE(queue);
    EXPECT_TRUE(queue->automatic_dead_letter);
    EXPECT_EQ(queue->attributes.retention_s, 1'296'000U);
    EXPECT_EQ(node.ask(api::ListQueues{})->total, 0U);
    EXPECT_EQ(node.ask(api::GetTopic{"news"})->subscriptions, 1U);
}

TEST(Lifecycle, WithoutADeadLetterQueueNoneIsMade) {
    SteppedNode node;
    create_topic(node, "news");
    auto request = subscribe("news", "hook");
    request.dead_letter = api::DeadLetterChoice::none;
    const auto made = node.ask(request);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->dead_letter_queue, "");
    EXPECT_TRUE(automatic_queues(node).empty());
}

TEST(Lifecycle, ANamedDeadLetterQueueMustExist) {
    SteppedNode node;
    create_topic(node, "news");
    auto request = subscribe("news", "hook");
    request.dead_letter = api::DeadLetterChoice::named;
    request.dead_letter_queue = "dead";
    EXPECT_EQ(node.ask(request).error().reason, Reason::dead_letter_not_found);
    ASSERT_TRUE(node.ask(create_queue("dead")));
    EXPECT_EQ(node.ask(request)->dead_letter_queue, "dead");
}

TEST(Lifecycle, UnsubscribingRemovesAnEmptyDeadLetterQueue) {
    SteppedNode node;
    create_topic(node, "news");
    ASSERT_TRUE(node.ask(subscribe("news", "hook")));
    ASSERT_TRUE(node.ask(api::Unsubscribe{"news", "hook"}));
    node.settle_down();
    EXPECT_TRUE(automatic_queues(node).empty());
    EXPECT_EQ(node.ask(api::GetSubscription{"news", "hook"}).error().reason,
              Reason::subscription_not_found);
    EXPECT_TRUE(node.ask(api::DeleteTopic{"news"}));
}

TEST(Lifecycle, ADeadLetterQueueOutlivesItsSubscriptionUntilItIsEmpty) {
    SteppedNode node;
    create_topic(node, "news");
    ASSERT_TRUE(node.ask(subscribe("news", "hook")));
    ASSERT_TRUE(node.ask(send("news.hook.dlq", {"kept"})));
    ASSERT_TRUE(node.ask(api::Unsubscribe{"news", "hook"}));
    node.settle_down();
    EXPECT_EQ(automatic_queues(node), std::vector<std::string>{"news.hook.dlq"});
    const auto received = node.ask(receive("news.hook.dlq"));
    ASSERT_EQ(received->messages.size(), 1U);
    ASSERT_TRUE(node.ask(remove("news.hook.dlq", {received->messages[0].receipt})));
    node.advance_ms(60'000);
    EXPECT_TRUE(automatic_queues(node).empty());
}

TEST(Lifecycle, AQueueThatIsMadeAgainIsFedAgain) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(api::CreateTopic{"news", {}}));
    ASSERT_TRUE(node.ask(create_queue("box")));
    api::Subscribe feed = subscribe("news", "feed");
    feed.spec.sink = model::SinkKind::queue;
    feed.spec.endpoint = "box";
    ASSERT_TRUE(node.ask(feed));
    ASSERT_TRUE(node.ask(api::DeleteQueue{"box"}));
    node.advance_ms(61'000);  // the name is free
    ASSERT_TRUE(node.ask(create_queue("box")));
    node.advance_ms(61'000);
    ASSERT_TRUE(node.ask(publish("news", {"read all about it"})));
    node.settle_down();
    const auto got = node.ask(receive("box"));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->messages.size(), 1U);
}

TEST(Lifecycle, ATopicWithSubscriptionsStays) {
    SteppedNode node;
    create_topic(node, "news");
    ASSERT_TRUE(node.ask(subscribe("news", "hook")));
    EXPECT_EQ(node.ask(api::DeleteTopic{"news"}).error().reason, Reason::topic_has_subscriptions);
    EXPECT_TRUE(node.ask(api::GetTopic{"news"}));
}

TEST(Lifecycle, ASecondSubscriptionOfTheSameNameIsRefusedAndChangesNothing) {
    SteppedNode node;
    create_topic(node, "news");
    ASSERT_TRUE(node.ask(subscribe("news", "hook")));
    EXPECT_EQ(node.ask(subscribe("news", "hook")).error().reason, Reason::subscription_exists);
    EXPECT_EQ(node.ask(api::ListSubscriptions{"news", "", {}})->total, 1U);
    EXPECT_EQ(automatic_queues(node).size(), 1U);
}

TEST(Lifecycle, ACreateTheDataSetRefusesIsUndone) {
    SteppedNode node;
    api::QueueChange change;
    ASSERT_TRUE(node.ask(create_queue("dead")));
    change.dead_letter = api::DeadLetterSpec{"dead", {}, 1, 0};
    ASSERT_TRUE(node.ask(create_queue("middle", change)));
    change.dead_letter->queue = "middle";
    EXPECT_EQ(node.ask(create_queue("outer", change)).error().reason, Reason::dead_letter_nested);
    EXPECT_EQ(node.ask(api::GetQueue{"outer"}).error().reason, Reason::queue_not_found);
    EXPECT_TRUE(node.ask(create_queue("outer"))) << "its name is free at once";
}

TEST(Lifecycle, QuotasAreKept) {
    node::NodeOptions options;
    options.queues_max = 1;
    options.topics_max = 1;
    options.subscriptions_max = 1;
    SteppedNode node(options);
    ASSERT_TRUE(node.ask(create_queue("a")));
    EXPECT_EQ(node.ask(create_queue("b")).error().reason, Reason::queue_limit);
    create_topic(node, "news");
    EXPECT_EQ(node.ask(api::CreateTopic{"other", {}}).error().reason, Reason::topic_limit);
    ASSERT_TRUE(node.ask(subscribe("news", "one")));
    EXPECT_EQ(node.ask(subscribe("news", "two")).error().reason, Reason::subscription_limit);
}

TEST(Lifecycle, SubscriptionsAreChangedAndListed) {
    SteppedNode node;
    create_topic(node, "news");
    ASSERT_TRUE(node.ask(subscribe("news", "hook")));
    api::SetSubscription change;
    change.topic = "news";
    change.name = "hook";
    change.filter_tags = std::vector<std::string>{"red"};
    const auto changed = node.ask(change);
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->spec.filter_tags, std::vector<std::string>{"red"});
    EXPECT_EQ(changed->dead_letter_queue, "news.hook.dlq");
    change.filter_tags.reset();
    change.binding_keys = std::vector<std::string>{"a.*"};
    EXPECT_EQ(node.ask(change).error().reason, Reason::filter_kind_mismatch);
}

TEST(Lifecycle, ATwofoldDeleteSucceedsOnce) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto first = node.start(api::DeleteQueue{"orders"});
    const auto second = node.start(api::DeleteQueue{"orders"});
    node.settle_down();
    EXPECT_TRUE(*first);
    EXPECT_EQ(second->error().reason, Reason::queue_not_found);
}

TEST(Lifecycle, ANodeThatScrubsNothingComesToRestAllTheSame) {
    node::NodeOptions options;
    options.scrub_bytes_per_s = 0;
    SteppedNode node(options);
    node.advance_ms(3'600'000);
    EXPECT_GT(node.node->next_wake_us(), node.clock.steady_us());
}

}  // namespace penstock::testing
