// Messages of up to 16 MiB: the server's ceiling, and how much of them is in memory at a time.
#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

namespace {

constexpr std::uint32_t mib = 1U << 20;
constexpr std::uint32_t most = model::message_bytes_most;

node::NodeOptions with_ceiling(std::uint32_t bytes) {
    node::NodeOptions options;
    options.message_bytes_max = bytes;
    return options;
}

api::QueueChange sized(std::uint32_t bytes) {
    api::QueueChange change;
    change.message_bytes_max = bytes;
    return change;
}

// A topic `news` that takes the largest messages, its subscription `hook`, and who is pushed to.
struct LargePush {
    LargePush() : node(with_ceiling(most)) {
        node.node->attach(deliveries);
        model::TopicAttributes attributes;
        attributes.message_bytes_max = most;
        check(node.ask(api::CreateTopic{"news", attributes}).has_value(), "topic");
        const auto made = node.ask(subscribe("news", "hook"));
        check(made.has_value(), "subscription");
        subscription = model::SubscriptionNo{made->number};
    }

    void publish_one(std::string body) {
        check(node.ask(publish("news", {std::move(body)})).has_value(), "publish");
        node.settle_down();
    }

    std::vector<api::Delivery> grant(std::uint32_t more) {
        node.node->grant(subscription, more);
        node.settle_down();
        return deliveries.take();
    }

    std::vector<api::Delivery> accept(const api::Delivery& delivery) {
        api::Dispatch::Settlement settlement;
        settlement.subscription = subscription;
        settlement.items = {{delivery.sequence,
                             delivery.generation,
                             model::Verdict::accepted,
                             model::Failure::none,
                             200,
                             0,
                             "",
                             ""}};
        node.node->settle(std::move(settlement), [](const api::Dispatch::Settled&) {});
        node.settle_down();
        return deliveries.take();
    }

    RecordedDeliveries deliveries;
    SteppedNode node;
    model::SubscriptionNo subscription;
};

}  // namespace

TEST(LargeMessages, AQueueTakesWhatItIsSetToUpToTheServersCeiling) {
    SteppedNode node(with_ceiling(most));
    ASSERT_TRUE(node.ask(create_queue("films", sized(most))));
    std::string body(most, 'x');
    body.back() = 'y';
    ASSERT_TRUE(node.ask(send("films", {body})));
    const auto received = node.ask(receive("films"));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, body);
    body.push_back('z');
    const auto larger = node.ask(send("films", {body}));
    ASSERT_FALSE(larger);
    EXPECT_EQ(larger.error().reason, model::Reason::body_too_large);
    EXPECT_EQ(larger.error().detail, "at most 16777216 bytes");
}

TEST(LargeMessages, AServerWhoseCeilingIsTheUsualOneRefusesThem) {
    SteppedNode node;
    const auto queue = node.ask(create_queue("films", sized(mib + 1)));
    ASSERT_FALSE(queue);
    EXPECT_EQ(queue.error().subject, "message_bytes_max");
    EXPECT_EQ(queue.error().detail,
              "allowed: 1024-1048576 bytes (limits.message_size_max of the server)");
    ASSERT_TRUE(node.ask(create_queue("films", sized(mib))));
    EXPECT_TRUE(node.ask(send("films", {std::string(mib, 'x')})));
    EXPECT_FALSE(node.ask(send("films", {std::string(mib + 1, 'x')})));
}

TEST(LargeMessages, ABatchKeepsToOneMiBInAll) {
    SteppedNode node(with_ceiling(most));
    ASSERT_TRUE(node.ask(create_queue("films", sized(most))));
    const auto batch = node.ask(send("films", {std::string(mib, 'x'), "y"}));
    ASSERT_FALSE(batch);
    EXPECT_EQ(batch.error().reason, model::Reason::batch_too_large);
}

TEST(LargeMessages, OneReceiveIsGivenSixteenMiBAtMost) {
    SteppedNode node(with_ceiling(most));
    for (const std::uint32_t bytes : {most, 4 * mib, mib}) {
        const std::string name = "q" + std::to_string(bytes);
        ASSERT_TRUE(node.ask(create_queue(name, sized(bytes))));
        for (int at = 0; at < 16; ++at) ASSERT_TRUE(node.ask(send(name, {"x"})));
        const auto received = node.ask(receive(name, 16));
        ASSERT_TRUE(received);
        EXPECT_EQ(received->messages.size(), most / bytes) << bytes;
    }
}

TEST(LargeMessages, WhatIsLargerThanItsQueueTakesByNowComesOneByOne) {
    SteppedNode node(with_ceiling(most));
    ASSERT_TRUE(node.ask(create_queue("films", sized(most))));
    for (const char letter : {'a', 'b'}) {
        ASSERT_TRUE(node.ask(send("films", {std::string(9 * mib, letter)})));
    }
    ASSERT_TRUE(node.ask(api::SetQueue{"films", sized(mib)}));
    for (const char letter : {'a', 'b'}) {
        const auto received = node.ask(receive("films", 16));
        ASSERT_TRUE(received);
        ASSERT_EQ(received->messages.size(), 1U) << "two are more than 16 MiB";
        EXPECT_EQ(received->messages[0].payload[0], letter);
        ASSERT_TRUE(node.ask(remove("films", {received->messages[0].receipt})));
        node.advance_ms(31'000);  // the other's lease ends
    }
}

TEST(LargeMessages, WhatIsTooMuchForOneReceiveDoesNotCountAsReceived) {
    SteppedNode node(with_ceiling(most));
    ASSERT_TRUE(node.ask(create_queue("dead")));
    api::QueueChange change = sized(most);
    change.dead_letter = api::DeadLetterSpec{"dead", model::DeadLetterPolicy::Kind::receives, 1, 0};
    ASSERT_TRUE(node.ask(create_queue("films", change)));
    for (const char letter : {'a', 'b'}) {
        ASSERT_TRUE(node.ask(send("films", {std::string(9 * mib, letter)})));
    }
    ASSERT_TRUE(node.ask(api::SetQueue{"films", sized(mib)}));
    ASSERT_EQ(node.ask(receive("films", 16))->messages.size(), 1U);
    node.settle_down();
    node.advance_ms(2'000);
    const auto other = node.ask(receive("films", 16));
    ASSERT_TRUE(other);
    ASSERT_EQ(other->messages.size(), 1U);
    EXPECT_EQ(other->messages[0].payload[0], 'b');
    EXPECT_EQ(other->messages[0].receives, 1U);
}

TEST(LargeMessages, AQueueKeepsItsSizeWhenTheCeilingIsLowered) {
    SteppedNode node(with_ceiling(most));
    ASSERT_TRUE(node.ask(create_queue("films", sized(4 * mib))));
    ASSERT_TRUE(node.ask(send("films", {std::string(2 * mib, 'x')})));
    node.options.message_bytes_max = mib;
    node.restart();
    api::QueueChange other;
    other.visibility_s = 60;
    EXPECT_TRUE(node.ask(api::SetQueue{"films", other})) << "nothing of it is about the size";
    EXPECT_FALSE(node.ask(api::SetQueue{"films", sized(4 * mib)}));
    EXPECT_FALSE(node.ask(send("films", {std::string(2 * mib, 'x')})));
    const auto received = node.ask(receive("films"));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U) << "what was taken is served";
    EXPECT_EQ(received->messages[0].payload.size(), 2 * mib);
}

TEST(LargeMessages, SmallOnesOfATopicThatTakesLargeOnesAreHandedOutAsEver) {
    LargePush push;
    for (int at = 0; at < 20; ++at) push.publish_one(std::to_string(at));
    EXPECT_EQ(push.grant(100).size(), 20U) << "once read they weigh what they weigh";
}

TEST(LargeMessages, HandOutsStopAtWhatMayBeHeldAndGoOnWhenSomeIsSettled) {
    LargePush push;
    for (int at = 0; at < 6; ++at) push.publish_one(std::string(15 * mib, 'x'));
    const auto first = push.grant(100);
    ASSERT_EQ(first.size(), 4U) << "four may have 64 MiB, and have 60";
    const auto next = push.accept(first[0]);
    ASSERT_EQ(next.size(), 1U);
    EXPECT_EQ(push.accept(next[0]).size(), 1U);
}

// Nothing of the neighbour's is settled: its endpoint hangs.
TEST(LargeMessages, ANeighbourThatHoldsAllThatMayBeHeldLeavesSmallOnesTheirWay) {
    LargePush push;
    for (int at = 0; at < 4; ++at) push.publish_one(std::string(15 * mib, 'x'));
    ASSERT_EQ(push.grant(100).size(), 4U);
    model::TopicAttributes attributes;
    attributes.message_bytes_max = most;
    ASSERT_TRUE(push.node.ask(api::CreateTopic{"views", attributes}));
    const auto made = push.node.ask(subscribe("views", "hook"));
    ASSERT_TRUE(made);
    for (int at = 0; at < 20; ++at) {
        ASSERT_TRUE(push.node.ask(publish("views", {std::to_string(at)})));
    }
    push.node.node->grant(model::SubscriptionNo{made->number}, 100);
    push.node.settle_down();
    EXPECT_EQ(push.deliveries.take().size(), 20U);
    // Until it holds as much as its largest may have.
    for (const std::uint32_t bytes : {15 * mib, 2 * mib}) {
        ASSERT_TRUE(push.node.ask(publish("views", {std::string(bytes, 'x')})));
        push.node.settle_down();
        EXPECT_EQ(push.deliveries.take().size(), 1U);
    }
    ASSERT_TRUE(push.node.ask(publish("views", {"small"})));
    push.node.settle_down();
    EXPECT_TRUE(push.deliveries.take().empty());
}

TEST(LargeMessages, BodiesAtATimeFollowTheCeiling) {
    EXPECT_EQ(node::bodies_at_a_time(64, 65'536), 64U);
    EXPECT_EQ(node::bodies_at_a_time(64, mib), 64U);
    EXPECT_EQ(node::bodies_at_a_time(64, most), 4U);
    EXPECT_EQ(node::bodies_at_a_time(4, most), 1U);
    EXPECT_EQ(node::bodies_at_a_time(16, most), 1U);
}

}  // namespace penstock::testing
