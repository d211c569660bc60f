// One node against what its queues mean: random commands, time that jumps, restarts and power cuts
// in between. A failing seed is made as short as it still fails, and printed as the commands that
// remain. Built twice: with a node in memory, and with PENSTOCK_OVER_HTTP with one behind its real
// front ends.
#include "tests/reference/history.h"
#include "tests/simulation/seed.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

namespace penstock::reference {
namespace {

using simulation::seeds_to_play;

#ifdef PENSTOCK_OVER_HTTP
constexpr std::uint64_t seeds_by_default = 20'000 / steps_in_a_history;
constexpr std::uint64_t seeds_in_full = 1'000'000 / steps_in_a_history;
#else
constexpr std::uint64_t seeds_by_default = 1'000'000 / steps_in_a_history;
constexpr std::uint64_t seeds_in_full = 20'000'000 / steps_in_a_history;
#endif

TEST(QueueReference, ANodeDoesWhatItsQueuesMean) {
    for (const std::uint64_t seed :
         seeds_to_play(testing::is_full_size() ? seeds_in_full : seeds_by_default)) {
        const std::vector<Step> steps = draw_history(seed);
        if (complaint_of(steps).empty()) continue;
        const std::vector<Step> fewer = shortest(steps);
        FAIL() << "seed " << seed << " (--seed " << seed << "): " << complaint_of(fewer)
               << "\nafter\n"
               << show(fewer);
    }
}

// Two leases end within 10 ms of each other, and a wait ends in between.
TEST(QueueReference, ATimerMayBeATurnLate) {
    const std::vector<Step> steps = {
        {Act::send, 1, 8118239375553, 140903348034899},
        {Act::send, 1, 215638902167760, 231380416491904},
        {Act::receive, 1, 101951071075491, 277925963027841},
        {Act::change_visibility, 1, 201528533517072, 249714480980306},
        {Act::wait, 0, 55053886446001, 242098992430823},
        {Act::receive, 1, 165392106918686, 160403551875795},
        {Act::wait, 0, 268900647857657, 134029417229332},
        {Act::wait, 1, 138554053296488, 226592730037416},
        {Act::wait, 0, 157060040989884, 175312494255268},
        {Act::wait, 1, 259577811830976, 134630568608868},
    };
    EXPECT_EQ(complaint_of(steps), "");
}

TEST(QueueReference, AHistoryIsShownInWordsAndAsItIsPlayedAgain) {
    EXPECT_EQ(show({{Act::send, lanes, 257, 1},
                    {Act::wait, mail, 15'001, 0},
                    {Act::confirm, deals, 7, 3},
                    {Act::restart, orders, 5, 6}}),
              "  {Act::send, lanes, 257, 1},  // send lanes 2 of keys 'a','a' after 0 s\n"
              "  {Act::wait, mail, 15001, 0},  // wait mail 1 ms\n"
              "  {Act::confirm, deals, 7, 3},  // confirm deals rollback\n"
              "  {Act::restart, orders, 5, 6},  // restart orders\n");
}

}  // namespace
}  // namespace penstock::reference
