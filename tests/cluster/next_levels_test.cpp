// How a cluster comes to a new format level. Linked with a build of the time after this one:
// tests/end_to_end/next_format.cpp.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::send;

std::set<std::uint16_t> levels(World& world) {
    std::set<std::uint16_t> found;
    for (const auto& [id, member] : world.members()) {
        if (!member->up()) continue;
        for (std::uint16_t set = 0; set <= 2; ++set) {
            const node::HostedSet* hosted = member->node().hosted(SetId{set});
            found.insert(hosted == nullptr ? std::uint16_t{0} : hosted->format());
        }
    }
    return found;
}

TEST(NextLevels, AClusterIsRaisedOnceEveryNodeOfItIsThereAndCanReadTheNextLevel) {
    World world(62);
    for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
    world.run(20);
    ASSERT_TRUE(world.ask(1, api::InitCluster{}).has_value());
    // Nobody is asked twice: the sets begin at level 1 and stay there while a node is away.
    world.crash(3);
    ASSERT_TRUE(world.run_until([&] { return world.all_led(); }));
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    world.run(3'000);
    EXPECT_EQ(levels(world), std::set<std::uint16_t>{1});
    world.start(3);
    ASSERT_TRUE(
        world.run_until([&] { return levels(world) == std::set<std::uint16_t>{5}; }, 10'000));
    EXPECT_TRUE(world.deaths().empty());
    EXPECT_TRUE(world.differences().empty());
}

TEST(NextLevels, WhatWasWrittenBeforeAndAfterARaiseIsReadAfterAPowerCut) {
    for (const std::uint32_t flush_age_ms : {1'000'000'000U, 100U}) {
        MemberRules rules;
        rules.flush_age_ms = flush_age_ms;
        World world(63, 3, rules);
        world.found();
        ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
        ASSERT_TRUE(world.ask(1, send("q", {"early"})).has_value());
        ASSERT_TRUE(
            world.run_until([&] { return levels(world) == std::set<std::uint16_t>{5}; }, 10'000));
        ASSERT_TRUE(world.ask(2, send("q", {"late"})).has_value());
        for (std::uint64_t id = 1; id <= 3; ++id) world.crash(id);
        for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
        ASSERT_TRUE(world.run_until([&] { return world.all_led(); }));
        ASSERT_TRUE(world.ask(3, send("q", {"last"})).has_value());
        EXPECT_EQ(levels(world), std::set<std::uint16_t>{5});
        const auto got = world.ask(1, receive("q", 16));
        ASSERT_TRUE(got.has_value());
        EXPECT_EQ(got->messages.size(), 3U);
        EXPECT_TRUE(world.deaths().empty());
        EXPECT_TRUE(world.differences().empty());
    }
}

}  // namespace
}  // namespace penstock::cluster::testing
