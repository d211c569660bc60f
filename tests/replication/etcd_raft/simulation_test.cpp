// Many seeds of a set's life. PENSTOCK_TEST_SIZE=full plays 2,000, else 100. PENSTOCK_SEED plays
// one.
#include "tests/replication/etcd_raft/simulation.h"

#include "tests/replication/etcd_raft/engine_under_test.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <vector>

namespace penstock::replication::testing {
namespace {

constexpr std::uint64_t seeds_in_full = 2'000;
constexpr std::uint64_t seeds_by_default = 100;

std::vector<std::uint64_t> seeds() {
    if (const char* one = std::getenv("PENSTOCK_SEED")) return {std::strtoull(one, nullptr, 10)};
    std::vector<std::uint64_t> all(penstock::testing::is_full_size() ? seeds_in_full
                                                                     : seeds_by_default);
    for (std::size_t at = 0; at < all.size(); ++at) all[at] = at + 1;
    return all;
}

// Two seeds of five have three fixed voters, two change their members, one grows from one voter.
Plan plan_of(std::uint64_t seed) {
    if (seed % 5 < 2) return {};
    return {.founders = seed % 5 == 4 ? 1U : 3U, .changes = true};
}

void add(Tally& sum, const Tally& more) {
    sum.applied += more.applied;
    sum.crashes += more.crashes;
    sum.leaders += more.leaders;
    sum.reads += more.reads;
    sum.changes += more.changes;
    sum.transfers += more.transfers;
    sum.snapshots += more.snapshots;
    sum.cold_reads += more.cold_reads;
    sum.messages += more.messages;
}

TEST(EngineSimulation, KeepsEveryPromiseOverManySeeds) {
    Tally sum;
    const auto played = seeds();
    for (const std::uint64_t seed : played) {
        Simulation simulation(seed, plan_of(seed));
        simulation.run();
        EXPECT_EQ(simulation.complaints(), std::vector<std::string>{})
            << "seed " << seed << ": play it alone with PENSTOCK_SEED=" << seed;
        add(sum, simulation.tally());
    }
    std::cout << played.size() << " seeds: " << sum.applied << " applied, " << sum.crashes
              << " crashes, " << sum.leaders << " leaders, " << sum.reads << " reads, "
              << sum.changes << " changes, " << sum.transfers << " transfers, " << sum.snapshots
              << " snapshots, " << sum.cold_reads << " reads from disk, " << sum.messages
              << " messages\n";
    if (played.size() < seeds_by_default) return;
    for (const std::uint64_t met : {sum.applied,
                                    sum.crashes,
                                    sum.leaders,
                                    sum.reads,
                                    sum.changes,
                                    sum.transfers,
                                    sum.snapshots,
                                    sum.cold_reads})
        EXPECT_GT(met, 20U) << "something was hardly ever met";
}

TEST(EngineSimulation, ASeedRepeatsExactly) {
    for (const std::uint64_t seed : {1ULL, 2ULL, 3ULL, 4ULL, 5ULL}) {
        Simulation first(seed, plan_of(seed));
        first.run();
        Simulation second(seed, plan_of(seed));
        second.run();
        EXPECT_EQ(first.trace(), second.trace()) << "seed " << seed;
        Simulation other(seed + 100, plan_of(seed));
        other.run();
        EXPECT_NE(first.trace(), other.trace());
    }
}

}  // namespace
}  // namespace penstock::replication::testing
