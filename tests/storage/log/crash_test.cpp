// Crashes at a sample of the places; crash_everywhere_test.cpp takes all of them.
#include "tests/storage/log/crash_run.h"

#include <gtest/gtest.h>

namespace penstock::storage::testing {

namespace {

constexpr std::uint64_t turns = 60;
constexpr std::uint64_t stride = 13;
constexpr std::uint64_t zero_ahead = 4096;  // of segments of 16 KiB

TEST(LogStoreCrash, LosesNothingAcknowledged) {
    for (std::uint64_t seed = 11; seed <= 13; ++seed) {
        const std::uint64_t zeros = seed == 13 ? zero_ahead : 0;
        const CrashSpan span = span_of(seed, turns, zeros);
        ASSERT_GT(span.operations, 150U);
        ASSERT_TRUE(span.shared);
        for (std::uint64_t stop = seed % stride; stop <= span.operations; stop += stride) {
            ASSERT_EQ(crash({seed, turns, stop, false, zeros}), "")
                << "seed " << seed << ", stopped after " << stop << " operations";
        }
    }
}

TEST(LogStoreCrash, IsCaughtWhenSyncsAreLies) {
    std::uint64_t caught = 0;
    for (std::uint64_t stop = 20; stop < 120; stop += 10) {
        if (!crash({1, turns, stop, true}).empty()) ++caught;
    }
    EXPECT_GE(caught, 5U);
}

}  // namespace

}  // namespace penstock::storage::testing
