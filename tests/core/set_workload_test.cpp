// Random commands of every kind: what always holds, holds; equal entries give equal effects with
// warm and with cold caches; no entry writes much; nothing outlives what it belonged to.
#include "tests/core/set_workload.h"

#include "broker/base/random.h"
#include "tests/core/commands.h"
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

// Records are kept decoded for 16,384 objects of a kind, and all dropped where more are met.
TEST(ASetWithManyQueues, DecidesTheSameWithWarmAndColdCaches) {
    constexpr std::uint32_t many = 17'000;
    constexpr std::uint32_t sends = 500;  // in an entry
    const auto trace = [](std::uint32_t drop_caches_every) {
        CoreDriver driver = CoreDriver::data_set({drop_caches_every, 0});
        SeededRandom random(20261123);
        for (std::uint32_t queue = 1; queue <= many; ++queue) {
            driver.done(make_queue(model::QueueNo{queue}));
        }
        for (int entry = 0; entry < 60; ++entry) {
            std::vector<model::Command> commands;
            for (std::uint32_t at = 0; at < sends; ++at) {
                const auto queue = static_cast<std::uint32_t>(1 + random.below(many));
                model::Send send = make_send(model::QueueNo{queue});
                send.first_ordinal = at;
                commands.emplace_back(std::move(send));
            }
            const std::vector<model::BodyInfo> bodies(sends, model::BodyInfo{{}, 1});
            for (const model::Reply& reply : driver.apply(std::move(commands), bodies)) {
                EXPECT_FALSE(std::holds_alternative<model::Refusal>(reply));
            }
        }
        return driver.trace();
    };
    EXPECT_EQ(trace(0), trace(1));
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
