// Exactly once: what a handler wants and its acknowledgement survive together or not at all,
// wherever between append and apply the process or the power goes.
#include "tests/node/function_fixture.h"

#include <gmock/gmock.h>

namespace penstock::testing {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

// Counts the message, tells so in a queue, and rests on what it read.
api::HandlerEffects counting(FunctionNode& node, const api::Delivery& delivery) {
    const api::KvRow row = node.read("count");
    const int count = row.version == 0 ? 0 : std::stoi(row.value);
    api::HandlerEffects effects;
    effects.outputs.push_back(output_to_queue("done", delivery.payload));
    effects.writes.push_back(write_put("count", std::to_string(count + 1)));
    effects.writes.push_back(write_add("added", 1));
    effects.reads.push_back({"count", row.version});
    return effects;
}

void handle_all(FunctionNode& node, std::vector<api::Delivery> taken) {
    for (const api::Delivery& delivery : taken) {
        EXPECT_THAT(node.settle(node.acknowledge(delivery, counting(node, delivery))).moved,
                    IsEmpty());
    }
}

// Steps until the disk refuses; false: it never did.
bool steps_until_failure(SteppedNode& node) {
    for (int turn = 0; turn < 20; ++turn) {
        if (!node.node->step()) return true;
    }
    return false;
}

}  // namespace

TEST(EffectsRestart, ReplayGivesTheSameRowsVersionsAndMessages) {
    FunctionNode node;
    handle_all(node, node.deliver({"one", "two", "three"}));
    api::HandlerEffects copies;
    copies.outputs.push_back(output_to_topic("copies", "copy"));
    copies.outputs.push_back(output_to_queue("done", "late"));
    copies.outputs.back().delay_ms = 5'000;
    node.settle(node.acknowledge(node.deliver({"four"}).at(0), copies));
    const api::KvRow before = node.read("count");
    const core::SetProgress live = core::progress(node.node.node->data_set().rows());
    const core::SetProgress replayed = node.replayed();
    EXPECT_EQ(replayed.applied, live.applied);
    EXPECT_EQ(replayed.state_hash, live.state_hash);
    node.node.open();
    EXPECT_THAT(node.attach_again(), IsEmpty());
    EXPECT_EQ(node.read("count").value, "3");
    EXPECT_EQ(node.read("count").version, before.version);
    EXPECT_EQ(node.read("added").value, "3");
    EXPECT_EQ(node.node.ask(api::GetTopic{"copies"})->messages, 1U);
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("one", "two", "three"));
    node.node.advance_ms(5'010);
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("late"));
}

// Every write and sync of the settling turn in turn is the last one the disk takes.
TEST(EffectsRestart, WhereverTheDiskStopsTheEffectsComeOnce) {
    bool survived_whole = false;
    bool lost_whole = false;
    for (std::uint64_t operations = 0; operations < 8; ++operations) {
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
            SCOPED_TRACE(std::to_string(operations) + " operations, seed " + std::to_string(seed));
            FunctionNode node;
            handle_all(node, node.deliver({"first"}));
            const auto taken = node.deliver({"second"});
            ASSERT_THAT(taken, SizeIs(1));
            auto settlement = node.acknowledge(taken[0], counting(node, taken[0]));
            node.node.disk.stop_after(operations);
            const auto told = node.hand_in(std::move(settlement));
            const bool failed = steps_until_failure(node.node);
            EXPECT_TRUE(failed || told->has_value());
            node.node.node.reset();
            node.node.disk.heal();
            node.node.disk.crash(seed);
            node.node.open();
            const auto again = node.attach_again();
            EXPECT_TRUE(!told->has_value() || again.empty()) << "what was told is durable";
            (again.empty() ? survived_whole : lost_whole) = true;
            handle_all(node, again);
            EXPECT_EQ(node.read("count").value, "2");
            EXPECT_EQ(node.read("added").value, "2");
            EXPECT_THAT(node.payloads_in("done"), ElementsAre("first", "second"));
        }
    }
    EXPECT_TRUE(survived_whole);
    EXPECT_TRUE(lost_whole);
}

// Its dispatcher settles it again because it never heard of the first time.
TEST(EffectsRestart, ASettlementRepeatedAfterARestartHasNoEffect) {
    FunctionNode node;
    const auto taken = node.deliver({"one"});
    const auto settlement = node.acknowledge(taken[0], counting(node, taken[0]));
    node.settle(settlement);
    node.node.restart();
    node.attach_again();
    EXPECT_THAT(node.settle(settlement).moved, IsEmpty());
    EXPECT_EQ(node.read("count").value, "1");
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("one"));
}

TEST(EffectsRestart, AReadBeforeARestartStillHoldsBehindIt) {
    FunctionNode node;
    const auto taken = node.deliver({"one", "two"});
    node.settle(node.acknowledge(taken[0], counting(node, taken[0])));
    const api::KvRow row = node.read("count");
    node.node.restart();
    const auto again = node.attach_again();
    ASSERT_THAT(again, SizeIs(1));
    api::HandlerEffects effects;
    effects.writes.push_back(write_put("count", "2"));
    effects.reads.push_back({"count", row.version});
    EXPECT_THAT(node.settle(node.acknowledge(again[0], effects)).moved, IsEmpty());
    EXPECT_EQ(node.read("count").value, "2");
}

}  // namespace penstock::testing
