#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

using model::Reason;

TEST(Node, AMessageIsSentReceivedAndDeleted) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto sent = node.ask(send("orders", {"hello"}));
    ASSERT_TRUE(sent);
    ASSERT_EQ(sent->ids.size(), 1U);
    const auto received = node.ask(receive("orders"));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, "hello");
    EXPECT_EQ(received->messages[0].id, sent->ids[0]);
    EXPECT_EQ(received->messages[0].receives, 1U);
    const auto removed = node.ask(remove("orders", {received->messages[0].receipt}));
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->removed, std::vector<bool>{true});
    const auto view = node.ask(api::GetQueue{"orders"});
    ASSERT_TRUE(view);
    EXPECT_EQ(view->active, 0U);
    EXPECT_EQ(view->inactive, 0U);
}

TEST(Node, ABatchKeepsItsOrderAndItsHeaders) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    auto request = send("orders", {"one", "two", "three"});
    request.messages[1].meta.attributes = {{"colour", "red"}};
    ASSERT_TRUE(node.ask(request));
    const auto received = node.ask(receive("orders", 16));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 3U);
    EXPECT_EQ(received->messages[0].payload, "one");
    EXPECT_EQ(received->messages[1].payload, "two");
    EXPECT_EQ(received->messages[1].meta.attributes[0].second, "red");
    EXPECT_EQ(received->messages[2].payload, "three");
}

TEST(Node, ALeaseThatIsNotDeletedComesBackWithAHigherCount) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(send("orders", {"again"})));
    const auto first = node.ask(receive("orders"));
    ASSERT_EQ(first->messages.size(), 1U);
    EXPECT_TRUE(node.ask(receive("orders"))->messages.empty());
    node.advance_ms(30'000);
    const auto second = node.ask(receive("orders"));
    ASSERT_EQ(second->messages.size(), 1U);
    EXPECT_EQ(second->messages[0].receives, 2U);
    const auto stale = node.ask(remove("orders", {first->messages[0].receipt}));
    ASSERT_TRUE(stale);
    EXPECT_EQ(stale->removed, std::vector<bool>{false});
}

TEST(Node, ADelayedMessageIsFoundWhenItsTimeHasCome) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    auto request = send("orders", {"later"});
    request.delay_s = 5;
    ASSERT_TRUE(node.ask(request));
    EXPECT_TRUE(node.ask(receive("orders"))->messages.empty());
    node.advance_ms(5'000);
    EXPECT_EQ(node.ask(receive("orders"))->messages.size(), 1U);
}

TEST(Node, AttributesAreSetAndShown) {
    SteppedNode node;
    api::QueueChange change;
    change.visibility_s = 60;
    const auto created = node.ask(create_queue("orders", change));
    ASSERT_TRUE(created);
    EXPECT_EQ(created->attributes.visibility_s, 60U);
    EXPECT_EQ(created->attributes.retention_s, 345'600U);
    api::SetQueue set{"ORDERS", {}};
    set.change.polling_wait_s = 20;
    const auto changed = node.ask(set);
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->attributes.visibility_s, 60U);
    EXPECT_EQ(changed->attributes.polling_wait_s, 20U);
    EXPECT_EQ(changed->name, "orders");
}

TEST(Node, QueuesAreListedByNameAndPaged) {
    SteppedNode node;
    for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(node.ask(create_queue(name)));
    const auto page = node.ask(api::ListQueues{"", {1, 1}, false, false});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->total, 3U);
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].name, "b");
}

TEST(Node, ANameTakenOrUnknownIsRefused) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    EXPECT_EQ(node.ask(create_queue("Orders")).error().reason, Reason::queue_exists);
    EXPECT_EQ(node.ask(send("other", {"x"})).error().reason, Reason::queue_not_found);
    EXPECT_EQ(node.ask(receive("other")).error().reason, Reason::queue_not_found);
    EXPECT_EQ(node.ask(create_queue("9lives")).error().reason, Reason::name_format);
}

TEST(Node, ADeletedQueueIsGoneAndItsNameBlockedForAWhile) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(api::DeleteQueue{"orders"}));
    EXPECT_EQ(node.ask(api::GetQueue{"orders"}).error().reason, Reason::queue_not_found);
    EXPECT_EQ(node.ask(create_queue("orders")).error().reason, Reason::name_too_soon);
    node.advance_ms(10'000);
    EXPECT_TRUE(node.ask(create_queue("orders")));
}

TEST(Node, AQueueThatIsSomebodysDeadLetterQueueStays) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("dead")));
    api::QueueChange change;
    change.dead_letter = api::DeadLetterSpec{"dead", {}, 1, 0};
    const auto source = node.ask(create_queue("orders", change));
    ASSERT_TRUE(source) << source.error().detail;
    EXPECT_EQ(source->dead_letter_queue, "dead");
    EXPECT_EQ(node.ask(api::DeleteQueue{"dead"}).error().reason, Reason::dead_letter_in_use);
    const auto sources = node.ask(api::ListDeadLetterSources{"dead", "", {}});
    ASSERT_TRUE(sources);
    ASSERT_EQ(sources->items.size(), 1U);
    EXPECT_EQ(sources->items[0].name, "orders");
    api::SetQueue unbind{"orders", {}};
    unbind.change.unbind_dead_letter = true;
    ASSERT_TRUE(node.ask(unbind));
    EXPECT_TRUE(node.ask(api::DeleteQueue{"dead"}));
}

TEST(Node, AMessageReceivedTooOftenIsFoundInTheDeadLetterQueue) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("dead")));
    api::QueueChange change;
    change.dead_letter = api::DeadLetterSpec{"dead", {}, 1, 0};
    ASSERT_TRUE(node.ask(create_queue("orders", change)));
    ASSERT_TRUE(node.ask(send("orders", {"poison"})));
    ASSERT_EQ(node.ask(receive("orders"))->messages.size(), 1U);
    node.advance_ms(30'000);
    EXPECT_TRUE(node.ask(receive("orders"))->messages.empty());
    const auto letters = node.ask(api::ListDeadLetters{"dead", 0, 50});
    ASSERT_TRUE(letters);
    ASSERT_EQ(letters->items.size(), 1U);
    EXPECT_EQ(letters->items[0].payload, "poison");
    EXPECT_EQ(letters->items[0].source, "orders");
    EXPECT_EQ(letters->items[0].reason, "max_receives");
    const auto redriven = node.ask(api::RedriveDeadLetters{"dead", {}, false});
    ASSERT_TRUE(redriven);
    EXPECT_EQ(redriven->messages, 1U);
    node.settle_down();
    EXPECT_EQ(node.ask(receive("orders"))->messages.size(), 1U);
}

TEST(Node, ASendWithAKnownDedupKeyAnswersTheFirstIds) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    auto request = send("orders", {"once"});
    request.dedup_key = "order-1";
    const auto first = node.ask(request);
    const auto second = node.ask(request);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->ids, first->ids);
    EXPECT_TRUE(second->repeated);
    EXPECT_EQ(node.ask(receive("orders", 16))->messages.size(), 1U);
}

}  // namespace penstock::testing
