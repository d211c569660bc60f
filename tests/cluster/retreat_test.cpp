// Who leads where a disk is slow or hangs, and before a stop.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::send;

constexpr SetId data{1};

MemberRules one_set() {
    MemberRules rules;
    rules.data_sets = 1;
    rules.slow_sync_us = 150'000;
    return rules;
}

// What came of a while of sending to the set, one at a time.
struct Led {
    std::int64_t left_ms = -1;  // until the watched node led nothing; -1: never
    int taken_back = 0;         // times that it led again
    int sent = 0;
};

Led watch(World& world, std::uint64_t slow, std::int64_t at_most_ms) {
    Led led;
    const std::int64_t began_us = world.clock.steady_us();
    const std::uint64_t asker = slow % 3 + 1;
    std::optional<Asked<api::SendMessages>> asked;
    bool leading = true;
    while (world.clock.steady_us() < began_us + at_most_ms * 1'000) {
        if (!asked) asked = world.member(asker).ask(send("q", {"x"}));
        world.run(20);
        if (asked->answered()) {
            if (**asked) ++led.sent;
            asked.reset();
        }
        const bool leads = world.leader(data) == slow || world.leader(model::names_set) == slow;
        if (leads && !leading) ++led.taken_back;
        if (!leads && led.left_ms < 0) {
            led.left_ms = (world.clock.steady_us() - began_us) / 1'000;
        }
        leading = leads;
    }
    return led;
}

void make_it_lead(World& world, std::uint64_t id) {
    for (const SetId set : {data, model::names_set}) {
        auto& log = world.member(world.leader(set)).node().hosted(set)->log();
        if (world.leader(set) == id) continue;
        ASSERT_TRUE(dynamic_cast<replication::RaftLog&>(log).transfer(NodeId{id}).has_value());
        ASSERT_TRUE(world.run_until([&] { return world.leader(set) == id; }));
    }
}

TEST(Retreat, ASlowDiskLosesItsLeadsWithinThreeSecondsAndGetsNoneBack) {
    World world(51, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    const std::uint64_t slow = world.leader(data);
    make_it_lead(world, slow);
    // Short enough for no election: heartbeats pause for less than a time-out.
    world.slow_syncs(slow, 200);
    const Led led = watch(world, slow, 20'000);
    EXPECT_GE(led.left_ms, 0);
    EXPECT_LE(led.left_ms, 3'000);
    EXPECT_EQ(led.taken_back, 0);
    EXPECT_GT(led.sent, 20);
    // Its syncs are fast again: the set that is meant for it comes back, half a minute later.
    world.slow_syncs(slow, 0);
    EXPECT_FALSE(world.run_until([&] { return world.leader(data) == slow; }, 20'000));
    world.run(30'000);
    EXPECT_TRUE(world.deaths().empty());
    EXPECT_TRUE(world.differences().empty());
}

TEST(Retreat, ASyncThatDoesNotReturnLosesTheLeadsByElection) {
    World world(52, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    const std::uint64_t slow = world.leader(data);
    make_it_lead(world, slow);
    world.member(slow).hang_until(world.clock.steady_us() + 30'000'000);
    const std::uint64_t asker = slow % 3 + 1;
    ASSERT_TRUE(world.run_until(
        [&] {
            for (std::uint64_t id = 1; id <= 3; ++id) {
                if (id != slow && world.member(id).leads(data)) return true;
            }
            return false;
        },
        3'000));
    EXPECT_TRUE(world.ask(asker, send("q", {"y"})).has_value());
}

// Syncs take as long as half an election does: now and then a world has bad luck for long.
TEST(Retreat, WhereAllDisksAreSlowSomebodyLeadsOn) {
    int sent = 0;
    for (const std::uint64_t seed : {53, 54, 55, 56, 57}) {
        World world(seed, 3, one_set());
        world.found();
        ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
        for (std::uint64_t id = 1; id <= 3; ++id) world.slow_syncs(id, 160);
        sent += watch(world, world.leader(data), 20'000).sent;
    }
    EXPECT_GT(sent, 100);
}

TEST(Retreat, ANodeThatStopsHandsOverWhatItLeadsAndIsHandedNothing) {
    World world(54, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    const std::uint64_t leaver = world.leader(data);
    make_it_lead(world, leaver);
    bool left = false;
    world.member(leaver).leave([&] { left = true; });
    const std::int64_t began_us = world.clock.steady_us();
    ASSERT_TRUE(world.run_until([&] { return left; }, 1'000));
    EXPECT_LT(world.clock.steady_us() - began_us, 200'000);
    ASSERT_TRUE(world.run_until([&] { return world.all_led(); }, 200));
    EXPECT_NE(world.leader(data), leaver);
    EXPECT_NE(world.leader(model::names_set), leaver);
    EXPECT_TRUE(world.ask(leaver, send("q", {"x"})).has_value());
    const Led led = watch(world, leaver, 10'000);
    EXPECT_EQ(led.taken_back, 0);
}

TEST(Retreat, ANodeAloneIsDoneAtOnce) {
    World world(55, 1, one_set());
    world.found();
    bool left = false;
    world.member(1).leave([&] { left = true; });
    EXPECT_TRUE(world.run_until([&] { return left; }, 100));
    EXPECT_EQ(world.leader(data), 1U);
}

}  // namespace
}  // namespace penstock::cluster::testing
