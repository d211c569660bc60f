// How a cluster begins, and begins again after crashes.
#include "tests/cluster/world.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::cluster::testing {
namespace {

TEST(Founding, OneCallMakesAClusterOfAll) {
    World world;
    world.found();
    for (const auto& [id, member] : world.members()) {
        const auto view = world.ask(id.value, api::GetCluster{});
        ASSERT_TRUE(view.has_value());
        EXPECT_EQ(view->nodes.size(), 3U);
        EXPECT_EQ(view->sets.size(), 3U);
    }
    EXPECT_TRUE(world.differences().empty());
    EXPECT_TRUE(world.deaths().empty());
}

TEST(Founding, WhoeverAsksBeforeItIsToldThatThereIsNoClusterYet) {
    World world;
    for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
    world.run(20);
    const auto listed = world.ask(1, api::ListQueues{});
    ASSERT_FALSE(listed.has_value());
    EXPECT_EQ(listed.error().reason, model::Reason::unavailable);
    EXPECT_NE(listed.error().detail.find("cluster init"), std::string::npos)
        << listed.error().detail;
    api::CreateQueue create;
    create.name = "orders";
    const auto created = world.ask(2, create);
    ASSERT_FALSE(created.has_value());
    EXPECT_NE(created.error().detail.find("cluster init"), std::string::npos)
        << created.error().detail;
}

TEST(Founding, IsRepeatedAfterANodeDidNotAnswer) {
    World world;
    world.start(1);
    world.start(2);
    world.run(20);
    const auto first = world.ask(1, api::InitCluster{});
    ASSERT_FALSE(first.has_value());
    EXPECT_EQ(first.error().reason, model::Reason::unavailable);
    world.start(3);
    world.run(100);
    const auto second = world.ask(2, api::InitCluster{});
    EXPECT_TRUE(second.has_value()) << second.error().detail;
    EXPECT_TRUE(world.run_until([&] { return world.all_led(); }));
    const auto third = world.ask(3, api::InitCluster{});
    EXPECT_TRUE(third.has_value()) << third.error().detail;
}

TEST(Founding, SurvivesAPowerCutOfAllAtAnyMoment) {
    for (std::int64_t pause_ms = 0; pause_ms < 700; pause_ms += 35) {
        World world(static_cast<std::uint64_t>(pause_ms) + 1);
        for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
        world.run(20);
        auto asked = world.member(1).ask(api::InitCluster{});
        world.run(pause_ms);
        for (std::uint64_t id = 1; id <= 3; ++id) world.crash(id);
        world.run(50);
        for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
        world.run(50);
        const auto again = world.ask(1, api::InitCluster{});
        EXPECT_TRUE(again.has_value()) << "after " << pause_ms << " ms: " << again.error().detail;
        EXPECT_TRUE(world.run_until([&] { return world.all_led(); }))
            << "cut after " << pause_ms << " ms";
        EXPECT_TRUE(world.differences().empty());
        EXPECT_TRUE(world.deaths().empty()) << world.deaths().front();
    }
}

// The folder of a set's rows is there before the set's first write is durable.
TEST(Founding, ACrashAsSoonAsASetHasAFolderDoesNotCostItsReplica) {
    World world(77);
    for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
    world.run(20);
    auto asked = world.member(1).ask(api::InitCluster{});
    const auto has_folder = [&](std::uint64_t id) {
        return world.member(id).disk().list("data/rows/set-1").has_value();
    };
    const auto crash_those_with_one = [&] {
        bool any_left = false;
        for (std::uint64_t id = 1; id <= 3; ++id) {
            if (has_folder(id)) world.crash(id);
            any_left = any_left || world.member(id).up();
        }
        return !any_left;
    };
    // Whoever is left alone never hears of the set.
    world.run_until(crash_those_with_one, 2'000);
    ASSERT_TRUE(has_folder(1) || has_folder(2) || has_folder(3));
    for (std::uint64_t id = 1; id <= 3; ++id) world.crash(id);
    for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
    EXPECT_TRUE(world.run_until([&] { return world.all_led(); }));
    EXPECT_TRUE(world.deaths().empty());
}

}  // namespace
}  // namespace penstock::cluster::testing
