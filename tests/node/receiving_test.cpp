#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

TEST(Receiving, ALongPollWakesWhenAMessageIsSent) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto poll = node.start(receive("orders", 1, 10));
    node.settle_down();
    EXPECT_FALSE(poll.answered());
    ASSERT_TRUE(node.ask(send("orders", {"hello"})));
    node.settle_down();
    ASSERT_TRUE(poll.answered());
    ASSERT_TRUE(*poll);
    ASSERT_EQ((*poll)->messages.size(), 1U);
    EXPECT_EQ((*poll)->messages[0].payload, "hello");
}

// One entry, and so one sync, brings the message and leases it.
TEST(Receiving, WhoWaitsLeasesInTheEntryOfTheSend) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto index = [&node] {
        return node.node->data_set().applied();
    };
    const auto first = node.start(receive("orders", 1, 10));
    const auto second = node.start(receive("orders", 2, 10));
    const auto third = node.start(receive("orders", 1, 10));
    node.settle_down();
    const std::uint64_t before = index();
    ASSERT_TRUE(node.ask(send("orders", {"a", "b"})));
    node.settle_down();
    EXPECT_EQ(index(), before + 1);
    ASSERT_TRUE(first.answered() && second.answered());
    EXPECT_EQ((*first)->messages[0].payload, "a");
    EXPECT_EQ((*second)->messages[0].payload, "b");
    EXPECT_EQ((*second)->messages.size(), 1U);
    EXPECT_FALSE(third.answered());
}

// Of a send that brings nothing yet, or nothing at all.
TEST(Receiving, WhoExpectedInVainWaitsOn) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    auto twice = send("orders", {"a"});
    twice.dedup_key = "one";
    ASSERT_TRUE(node.ask(twice));
    ASSERT_EQ(node.ask(receive("orders"))->messages.size(), 1U);
    const auto poll = node.start(receive("orders", 1, 10));
    node.settle_down();
    ASSERT_TRUE(node.ask(twice));
    node.advance_ms(9'000);
    EXPECT_FALSE(poll.answered());
    ASSERT_TRUE(node.ask(send("orders", {"b"})));
    node.settle_down();
    ASSERT_TRUE(poll.answered());
    EXPECT_EQ((*poll)->messages[0].payload, "b");
}

TEST(Receiving, ALongPollWakesWhenADelayIsOver) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    auto request = send("orders", {"later"});
    request.delay_s = 3;
    ASSERT_TRUE(node.ask(request));
    const auto poll = node.start(receive("orders", 1, 10));
    node.advance_ms(2'990);
    EXPECT_FALSE(poll.answered());
    node.advance_ms(20);
    ASSERT_TRUE(poll.answered());
    EXPECT_EQ((*poll)->messages.size(), 1U);
}

TEST(Receiving, ALongPollEndsOnTimeAndTheNodeAsksToBeWokenForIt) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto poll = node.start(receive("orders", 1, 3));
    node.settle_down();
    EXPECT_LE(node.node->next_wake_us(), node.clock.steady_us() + 3'000'000);
    node.advance_ms(2'999);
    EXPECT_FALSE(poll.answered());
    node.advance_ms(1);
    ASSERT_TRUE(poll.answered());
    ASSERT_TRUE(*poll);
    EXPECT_TRUE((*poll)->messages.empty());
}

TEST(Receiving, TheQueuesOwnWaitCountsWhenTheRequestNamesNone) {
    SteppedNode node;
    api::QueueChange change;
    change.polling_wait_s = 2;
    ASSERT_TRUE(node.ask(create_queue("orders", change)));
    auto request = receive("orders");
    request.wait_s.reset();
    const auto poll = node.start(request);
    node.settle_down();
    node.advance_ms(1'999);
    EXPECT_FALSE(poll.answered());
    node.advance_ms(1);
    EXPECT_TRUE(poll.answered());
}

TEST(Receiving, WaitersAreServedInTheOrderTheyCame) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto first = node.start(receive("orders", 1, 10));
    const auto second = node.start(receive("orders", 1, 10));
    node.settle_down();
    ASSERT_TRUE(node.ask(send("orders", {"a"})));
    node.settle_down();
    EXPECT_TRUE(first.answered());
    EXPECT_FALSE(second.answered());
    ASSERT_TRUE(node.ask(send("orders", {"b"})));
    node.settle_down();
    ASSERT_TRUE(second.answered());
    EXPECT_EQ((*second)->messages[0].payload, "b");
}

TEST(Receiving, ACancelledPollLeasesNothing) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto gone = node.start(receive("orders", 1, 10));
    node.settle_down();
    gone.cancellation->cancel();
    node.settle_down();
    ASSERT_TRUE(gone.answered());
    EXPECT_TRUE((*gone)->messages.empty());
    ASSERT_TRUE(node.ask(send("orders", {"still here"})));
    const auto received = node.ask(receive("orders"));
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].receives, 1U);
}

TEST(Receiving, APollThatEndsWithItsServerIsNotToldThatNothingIsThere) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto poll = node.start(receive("orders", 1, 10));
    node.settle_down();
    const auto sent = node.start(send("orders", {"a"}));
    poll.cancellation->cancel();
    node.settle_down();
    ASSERT_TRUE(sent.answered() && poll.answered());
    ASSERT_FALSE(poll->has_value());
    EXPECT_EQ(poll->error().reason, model::Reason::unavailable);
    EXPECT_EQ(node.ask(receive("orders"))->messages[0].receives, 1U);
}

TEST(Receiving, PollsOfADeletedQueueAreToldThatItIsGone) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto poll = node.start(receive("orders", 1, 30));
    node.settle_down();
    ASSERT_TRUE(node.ask(api::DeleteQueue{"orders"}));
    node.settle_down();
    ASSERT_TRUE(poll.answered());
    EXPECT_EQ(poll->error().reason, model::Reason::queue_not_found);
}

TEST(Receiving, APausedQueueWakesItsPollsWhenItIsResumed) {
    SteppedNode node;
    api::QueueChange change;
    change.paused = true;
    ASSERT_TRUE(node.ask(create_queue("orders", change)));
    ASSERT_TRUE(node.ask(send("orders", {"held"})));
    const auto poll = node.start(receive("orders", 1, 30));
    node.settle_down();
    EXPECT_FALSE(poll.answered());
    api::SetQueue resume{"orders", {}};
    resume.change.paused = false;
    ASSERT_TRUE(node.ask(resume));
    node.settle_down();
    ASSERT_TRUE(poll.answered());
    EXPECT_EQ((*poll)->messages.size(), 1U);
}

TEST(Receiving, TooManyPollsAreRefusedAtOnce) {
    node::NodeOptions options;
    options.waiters_max = 1;
    SteppedNode node(options);
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto first = node.start(receive("orders", 1, 30));
    const auto second = node.start(receive("orders", 1, 30));
    node.settle_down();
    EXPECT_FALSE(first.answered());
    ASSERT_TRUE(second.answered());
    EXPECT_EQ(second->error().reason, model::Reason::overloaded);
}

TEST(Receiving, StoppingEndsEveryPoll) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto poll = node.start(receive("orders", 1, 30));
    node.settle_down();
    ASSERT_TRUE(node.node->close());
    EXPECT_TRUE(poll.answered());
}

}  // namespace penstock::testing
