#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

namespace {

// Flips one bit of the first place where `text` is stored.
void damage(MemoryDisk& disk, const std::string& text) {
    for (const std::string& path : disk.files()) {
        std::string bytes = disk.bytes_of(path);
        const std::size_t at = bytes.find(text);
        if (at == std::string::npos) continue;
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
        disk.put_bytes(path, bytes);
        return;
    }
    check(false, "the text is stored");
}

}  // namespace

TEST(Damage, ADamagedMessageIsQuarantinedAndItsNeighboursFlowOn) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(send("orders", {"first message", "second message", "third message"})));
    damage(node.disk, "second message");
    const auto received = node.ask(receive("orders", 16));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 2U);
    EXPECT_EQ(received->messages[0].payload, "first message");
    EXPECT_EQ(received->messages[1].payload, "third message");
    node.settle_down();
    EXPECT_EQ(node.ask(api::GetStatus{})->quarantined, 1U);
    node.advance_ms(31'000);
    EXPECT_EQ(node.ask(receive("orders", 16))->messages.size(), 2U) << "it never comes back";
}

TEST(Damage, AReceiveThatMetOnlyDamageTriesAgain) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(send("orders", {"first message", "second message"})));
    damage(node.disk, "first message");
    const auto received = node.ask(receive("orders", 1));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, "second message");
}

TEST(Damage, ABodyWhoseFileCannotBeOpenedNowIsWhole) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(send("orders", {"first message"})));
    // The segment it is in is sealed then, and nobody has read from it.
    for (int number = 0; number < 20; ++number) {
        ASSERT_TRUE(node.ask(send("orders", {std::string(60'000, 'x')})));
    }
    node.disk.refuse_opens(true);
    const auto refused = node.ask(receive("orders", 1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, model::Reason::unavailable);
    EXPECT_EQ(refused.error().detail.find("/"), std::string::npos) << "files are not told of";
    node.disk.refuse_opens(false);
    node.advance_ms(31'000);
    EXPECT_EQ(node.ask(api::GetStatus{})->quarantined, 0U);
    const auto received = node.ask(receive("orders", 1));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, "first message");
}

// Scrubbing and giving space back open files that nothing else needs.
TEST(Damage, ANodeThatMayOpenNoFileGoesOn) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    for (int number = 0; number < 20; ++number) {
        ASSERT_TRUE(node.ask(send("orders", {std::string(60'000, 'x')})));
    }
    node.disk.refuse_opens(true);
    for (int second = 0; second < 30; ++second) node.advance_ms(1'000);
    EXPECT_TRUE(node.ask(send("orders", {"another"})));
    node.disk.refuse_opens(false);
    for (int second = 0; second < 30; ++second) node.advance_ms(1'000);
    EXPECT_TRUE(node.ask(receive("orders", 1)));
}

TEST(Damage, ADamagedDeliveryIsTakenOutAndItsCreditComesBack) {
    SteppedNode node;
    RecordedDeliveries deliveries;
    node.node->attach(deliveries);
    ASSERT_TRUE(node.ask(api::CreateTopic{"news", {}}));
    const model::SubscriptionNo hook{node.ask(subscribe("news", "hook"))->number};
    ASSERT_TRUE(node.ask(publish("news", {"first message", "second message"})));
    damage(node.disk, "first message");
    node.node->grant(hook, 1);
    node.settle_down();
    const auto taken = deliveries.take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].payload, "second message");
}

}  // namespace penstock::testing
