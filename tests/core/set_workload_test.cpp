// Random commands of every kind: what always holds, holds; equal entries give equal effects with
// warm and with cold caches; no entry writes much; nothing outlives what it belonged to.
#include "tests/core/set_workload.h"

#include "tests/support/core_invariants.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

constexpr int steps = 150;

std::uint64_t trace_of(std::uint64_t seed,
                       std::uint32_t drop_caches_every,
                       const std::string& rocks_folder = {}) {
    SetWorkload workload(seed, {drop_caches_every, 0, rocks_folder});
    for (int at = 0; at < steps; ++at) workload.step();
    return workload.driver().trace();
}

TEST(SetUnderRandomCommands, KeepsItsInvariants) {
    for (std::uint64_t seed = 1; seed <= RANDOM_SEEDS; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SetWorkload workload(seed, {0, 1});
        for (int at = 0; at < steps && !HasFailure(); ++at) workload.step();
        if (HasFailure()) return;
        EXPECT_LE(workload.driver().largest_batch(), 400U);
    }
}

// Else the tests above and below would say little about functions.
TEST(SetUnderRandomCommands, MeetsEveryFateOfWhatHandlersWant) {
    std::size_t moved = 0;
    std::size_t refused = 0;
    std::size_t rows = 0;
    for (std::uint64_t seed = 1; seed <= 16; ++seed) {
        SetWorkload workload(seed, {0, 0});
        for (int at = 0; at < steps; ++at) {
            workload.step();
            refused = std::max(refused, workload.refused_outputs());
        }
        moved += workload.moved();
        rows += workload.kv_rows();
    }
    EXPECT_GT(moved, 5U);
    EXPECT_GT(refused, 0U);
    EXPECT_GT(rows, 5U);
}

TEST(SetUnderRandomCommands, DecidesTheSameWithWarmAndColdCaches) {
    for (std::uint64_t seed = 1; seed <= RANDOM_SEEDS / 2; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const std::uint64_t warm = trace_of(seed, 0);
        EXPECT_EQ(warm, trace_of(seed, 0));
        EXPECT_EQ(warm, trace_of(seed, 1));
        EXPECT_EQ(warm, trace_of(seed, 7));
    }
}

TEST(SetUnderRandomCommands, DecidesTheSameOverRowsInMemoryAndInRocksDb) {
    for (std::uint64_t seed = 1; seed <= RANDOM_SEEDS / 5; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const TempFolder folder;
        EXPECT_EQ(trace_of(seed, 0), trace_of(seed, 7, folder.file("rows")));
    }
}

TEST(SetUnderRandomCommands, LeavesNothingBehindWhenEverythingIsRemoved) {
    for (std::uint64_t seed = 1; seed <= RANDOM_SEEDS; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SetWorkload workload(seed, {0, 0});
        for (int at = 0; at < steps; ++at) workload.step();
        workload.remove_everything();
        workload.driver().check_invariants();
        EXPECT_EQ(workload.driver().live_bodies(), 0U);
        EXPECT_THAT(object_rows(workload.driver().rows()), ::testing::IsEmpty());
        if (HasFailure()) return;
    }
}

}  // namespace

}  // namespace penstock::testing
