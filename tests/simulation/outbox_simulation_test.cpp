// Three data sets that send each other messages, killed between any two steps, over a network that
// loses, repeats and delays. Every copy of every message ends in exactly one place: consumed, in a
// queue, or a dead letter with its reason. The seed is printed with every failure; --seed N plays
// that one alone.
#include "tests/simulation/outbox_world.h"
#include "tests/simulation/seed.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <iostream>
#include <string>

namespace penstock::simulation {
namespace {

constexpr int acts_per_seed = 1'500;
constexpr std::uint64_t seeds_by_default = 6;
constexpr std::uint64_t seeds_in_full = 1'000;
constexpr std::uint64_t seeds_for_a_bug = 30;

std::string first_of(const std::vector<std::string>& complaints) {
    return complaints.empty() ? std::string() : complaints.front();
}

TEST(OutboxSimulation, EveryCopyIsInExactlyOnePlaceWhateverHappens) {
    std::map<std::string, std::uint64_t> met;
    for (const std::uint64_t seed :
         seeds_to_play(testing::is_full_size() ? seeds_in_full : seeds_by_default)) {
        OutboxWorld world(seed);
        for (int at = 0; at < acts_per_seed && world.complaints().empty(); ++at) world.act();
        world.finish();
        for (const auto& [what, times] : world.met()) met[what] += times;
        ASSERT_EQ(first_of(world.complaints()), "") << "play it alone with --seed " << seed;
    }
    for (const auto& [what, times] : met) std::cout << "  " << what << ": " << times << "\n";
    if (seeds_to_play(2).size() == 1) return;
    // taken, refused, stale, out of order
    for (const char* what : {"published",
                             "transfer 1",
                             "transfer 2",
                             "transfer 3",
                             "transfer 4",
                             "crashes",
                             "crashes after the commit",
                             "requests lost",
                             "requests repeated",
                             "answers lost",
                             "bodies shared",
                             "bodies compared",
                             "dead letters"}) {
        EXPECT_GT(met[what], 20U) << what;
    }
}

// A letter that arrives in one entry with the redrive that sends it back.
TEST(OutboxSimulation, Seed239ALetterIsRedrivenByTheEntryThatBringsIt) {
    OutboxWorld world(239);
    for (int at = 0; at < acts_per_seed && world.complaints().empty(); ++at) world.act();
    world.finish();
    EXPECT_EQ(first_of(world.complaints()), "");
    EXPECT_GT(world.met().at("redriven as it came"), 0U);
}

// The same little history, with a kill before its first step, its second, and so on.
TEST(OutboxSimulation, AKillBetweenAnyTwoStepsLosesAndRepeatsNothing) {
    for (const std::size_t victim : {1, 2, 3}) {
        for (int kill = 0; kill < 40; ++kill) {
            OutboxWorld world(1);
            for (int step = 0; step < 40; ++step) {
                if (step % 6 == 0) world.publish();
                if (step == kill) world.crash(victim);
                world.act_calmly();
            }
            world.finish();
            ASSERT_EQ(first_of(world.complaints()), "")
                << "set " << victim << " killed before step " << kill;
        }
    }
}

TEST(OutboxSimulation, ATargetThatIsAwayForAnHourHoldsUpNobodyElseAndGetsAllOfItInOrder) {
    OutboxWorld world(7);
    world.cut(2, true);
    for (int minute = 0; minute < 60; ++minute) {
        for (int at = 0; at < 5; ++at) world.publish();
        world.pass_ms(60'000);
        if (minute == 30) world.crash(1);
    }
    EXPECT_EQ(core::outbox_figures(world.set(1).rows(), model::SetId{3}).waiting, 0U);
    const auto away = core::outbox_figures(world.set(1).rows(), model::SetId{2});
    EXPECT_EQ(away.waiting, 600U);  // 300 for each of two queues there
    EXPECT_EQ(away.first, 1U);
    EXPECT_GT(away.oldest_ms, 0);
    world.cut(2, false);
    world.pass_ms(10'000);
    EXPECT_EQ(core::outbox_figures(world.set(1).rows(), model::SetId{2}).waiting, 0U);
    world.finish();
    EXPECT_EQ(first_of(world.complaints()), "");
}

// ---- the tests above are worth something --------------------------------------------------------

std::uint64_t seeds_until_found(Planted planted) {
    for (std::uint64_t seed = 1; seed <= seeds_for_a_bug; ++seed) {
        OutboxWorld world(seed, planted);
        for (int at = 0; at < acts_per_seed && world.complaints().empty(); ++at) world.act();
        world.finish();
        if (world.complaints().empty()) continue;
        std::cout << "  seed " << seed << ": " << world.complaints().front() << "\n";
        return seed;
    }
    return 0;
}

TEST(OutboxSimulation, FindsATargetThatForgetsItsRefusals) {
    EXPECT_NE(seeds_until_found(Planted::refusals_forgotten), 0U);
}

TEST(OutboxSimulation, FindsATargetThatForgetsWhichNumbersItHandled) {
    EXPECT_NE(seeds_until_found(Planted::numbers_forgotten), 0U);
}

TEST(OutboxSimulation, FindsASourceThatUsesANumberTwice) {
    EXPECT_NE(seeds_until_found(Planted::number_reused), 0U);
}

TEST(OutboxSimulation, FindsASourceThatTakesSilenceForYes) {
    EXPECT_NE(seeds_until_found(Planted::answer_taken_for_ok), 0U);
}

TEST(OutboxSimulation, FindsATargetThatLetsMessagesOvertakeARefusedOne) {
    EXPECT_NE(seeds_until_found(Planted::order_not_kept), 0U);
}

}  // namespace
}  // namespace penstock::simulation
