// The simulator over many seeds. PENSTOCK_SEED=n plays one; PENSTOCK_SEEDS=first-last plays those;
// by default the first 20. One seed in 50 is played twice, to the same trace.
#include "tests/cluster/nemesis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

namespace penstock::cluster::testing {
namespace {

constexpr std::uint64_t played_twice_every = 50;
constexpr std::uint64_t events_of_a_seed = 20'000;
constexpr std::uint64_t events_per_s = 50'000;

struct Seeds {
    std::uint64_t first = 1;
    std::uint64_t last = 20;

    [[nodiscard]] std::uint64_t count() const { return last - first + 1; }
};

Seeds seeds() {
    Seeds seeds;
    if (const char* one = std::getenv("PENSTOCK_SEED")) {
        seeds.first = seeds.last = std::strtoull(one, nullptr, 10);
    } else if (const char* range = std::getenv("PENSTOCK_SEEDS")) {
        char* rest = nullptr;
        seeds.first = std::strtoull(range, &rest, 10);
        seeds.last = std::strtoull(rest + (*rest == '-' ? 1 : 0), nullptr, 10);
    }
    return seeds;
}

void add(Ran& sum, const Ran& ran) {
    sum.told.acknowledged += ran.told.acknowledged;
    sum.told.removed += ran.told.removed;
    sum.told.counted += ran.told.counted;
    sum.told.repeated += ran.told.repeated;
    sum.told.settled += ran.told.settled;
    sum.events += ran.events;
    sum.attempts += ran.attempts;
    sum.crashes += ran.crashes;
    sum.mutes += ran.mutes;
    sum.slow += ran.slow;
    sum.changes += ran.changes;
}

void show(const Ran& sum, double cpu_s) {
    std::cout << "events " << sum.events << ", a second "
              << static_cast<std::uint64_t>(static_cast<double>(sum.events) / cpu_s)
              << ", acknowledged " << sum.told.acknowledged << ", removed " << sum.told.removed
              << ", counted " << sum.told.counted << ", sent again " << sum.told.repeated
              << ", pushed " << sum.attempts << " times for " << sum.told.settled << ", crashes "
              << sum.crashes << ", one-way cuts " << sum.mutes << ", slow disks " << sum.slow
              << ", changes of membership " << sum.changes << "\n";
}

// What never happened was not tested.
void expect_met(const Ran& sum, std::uint64_t count, double cpu_s) {
    EXPECT_GE(sum.events, count * events_of_a_seed);
    EXPECT_GT(sum.told.acknowledged, 15 * count);
    EXPECT_GT(sum.told.removed, 2 * count);
    EXPECT_GT(sum.told.counted, 5 * count);
    EXPECT_GT(sum.told.repeated, count);
    EXPECT_GT(sum.told.settled, 5 * count);
    EXPECT_GT(sum.attempts, 3 * sum.told.settled);
    EXPECT_GT(sum.crashes, count);
    EXPECT_GT(sum.mutes, count / 4);
    EXPECT_GT(sum.slow, count / 4);
    EXPECT_GT(sum.changes, count / 10);
#ifndef __SANITIZE_ADDRESS__
    EXPECT_GT(static_cast<double>(sum.events) / cpu_s, events_per_s);
#else
    (void)cpu_s;
#endif
}

TEST(Simulation, NothingAcknowledgedIsLostOrComesBackAndAllGoesOn) {
    Ran sum;
    const Seeds wanted = seeds();
    const std::clock_t began = std::clock();
    for (std::uint64_t seed = wanted.first; seed <= wanted.last; ++seed) {
        const Game game = game_of(seed);
        const Ran ran = play(game);
        for (const std::string& what : ran.told.complaints) ADD_FAILURE() << what;
        if (!ran.told.complaints.empty() || wanted.count() == 1) {
            std::cout << "seed " << seed << ": " << show(game) << "\n"
                      << "  again: PENSTOCK_SEED=" << seed
                      << " build/release/tests/cluster/cluster_simulation_20_seeds\n";
        }
        if (seed % played_twice_every == 0) {
            EXPECT_EQ(play(game).trace, ran.trace) << "seed " << seed << " does not repeat";
        }
        add(sum, ran);
    }
    const double cpu_s = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    show(sum, cpu_s);
    if (wanted.count() >= 20) expect_met(sum, wanted.count(), cpu_s);
}

// A message was set aside behind its key while the one before it was being acknowledged: until that
// stood in the log, the next one of the key was handed out.
TEST(Simulation, Seed351OvertakesNoMessageThatIsBeingSetAside) {
    EXPECT_EQ(play(game_of(351)).told.complaints, std::vector<std::string>{});
}

// Messages were set aside behind their key again and again, which their leader refused.
TEST(Simulation, Seed128ComesToRestWhileSettlementsAreRefused) {
    EXPECT_EQ(play(game_of(128)).told.complaints, std::vector<std::string>{});
}

// A leader that handed its lead over proposed a Tick again and again without a pause.
TEST(Simulation, Seed161ComesToRestWhileALeadIsHandedOver) {
    EXPECT_EQ(play(game_of(161)).told.complaints, std::vector<std::string>{});
}

// A snapshot at the index of the one that was fetched was not taken from another node: the one that
// had offered it first was heard by nobody any more.
TEST(Simulation, Seed1385FetchesASnapshotFromTheLeaderThatOffersItNow) {
    EXPECT_EQ(play(game_of(1385)).told.complaints, std::vector<std::string>{});
}

TEST(Simulation, ASeedRepeatsExactly) {
    const Ran first = play(game_of(7));
    const Ran second = play(game_of(7));
    EXPECT_EQ(first.trace, second.trace);
    EXPECT_EQ(first.events, second.events);
    EXPECT_NE(play(game_of(8)).trace, first.trace);
}

}  // namespace
}  // namespace penstock::cluster::testing
