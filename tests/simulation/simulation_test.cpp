// One node under one seed: random requests, random outcomes of pushes, and crashes at random points
// (in the middle of a turn, between turns, with and without what was written but not synced). The
// seed is printed with every failure; --seed N plays that one alone.
#include "tests/simulation/one_node.h"
#include "tests/simulation/seed.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <iostream>
#include <map>

namespace penstock::simulation {
namespace {

constexpr int acts_per_seed = 1'500;
constexpr std::uint64_t seeds_by_default = 12;
constexpr std::uint64_t seeds_in_full = 300;

// What a round of seeds must have met to mean anything.
constexpr const char* everything[] = {"send",
                                      "send refused",
                                      "send unknown",
                                      "send once",
                                      "send once unknown",
                                      "publish",
                                      "publish unknown",
                                      "receive",
                                      "receive unknown",
                                      "received again",
                                      "delete",
                                      "delete unknown",
                                      "change visibility",
                                      "change visibility refused",
                                      "rewind",
                                      "clear",
                                      "redrive",
                                      "create",
                                      "create refused",
                                      "remove",
                                      "remove refused",
                                      "hand-out",
                                      "hand-out again",
                                      "settle accepted",
                                      "settle accepted unknown",
                                      "settle retry",
                                      "settle rejected",
                                      "settle not_attempted",
                                      "from plain",
                                      "from rewindable",
                                      "from strict",
                                      "from strict-dead",
                                      "from fed"};

TEST(OneNode, KeepsEveryPromiseOverRandomCrashes) {
    std::uint64_t acknowledged = 0;
    std::uint64_t crashes = 0;
    std::map<std::string, std::uint64_t> met;
    for (const std::uint64_t seed :
         seeds_to_play(testing::is_full_size() ? seeds_in_full : seeds_by_default)) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ": play it alone with --seed " +
                     std::to_string(seed));
        OneNode world(seed);
        world.run(acts_per_seed);
        ASSERT_EQ(world.complaints(), Referee::Complaints{});
        acknowledged += world.acknowledged();
        crashes += world.crashes();
        for (const auto& [what, times] : world.met()) met[what] += times;
    }
    std::cout << crashes << " crashes, " << acknowledged << " messages acknowledged\n";
    for (const auto& [what, times] : met) std::cout << "  " << what << ": " << times << "\n";
    EXPECT_GT(acknowledged, 200U);
    EXPECT_GT(crashes, 10U);
    if (seeds_to_play(2).size() == 1) return;
    for (const char* what : everything) EXPECT_GT(met[what], 0U) << what << " was never met";
}

TEST(OneNode, PlaysTheSameSeedToTheSameEnd) {
    for (const std::uint64_t seed : seeds_to_play(3)) {
        OneNode first(seed);
        first.run(acts_per_seed);
        OneNode second(seed);
        second.run(acts_per_seed);
        EXPECT_EQ(first.digest(), second.digest()) << "seed " << seed;
        EXPECT_EQ(first.answers(), second.answers()) << "seed " << seed;
    }
}

TEST(OneNode, PlaysAnotherSeedToAnotherEnd) {
    OneNode first(1);
    first.run(100);
    OneNode second(2);
    second.run(100);
    EXPECT_NE(first.digest(), second.digest());
}

}  // namespace
}  // namespace penstock::simulation
