#include "tests/storage/log/crash_run.h"

#include <gtest/gtest.h>

namespace penstock::storage::testing {

namespace {

constexpr std::uint64_t turns = 120;
constexpr std::uint64_t zero_ahead = 4096;  // of segments of 16 KiB

TEST(LogStoreCrash, LosesNothingAcknowledgedWhateverOperationItFollows) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        const std::uint64_t zeros = seed == 2 ? zero_ahead : 0;
        const CrashSpan span = span_of(seed, turns, zeros);
        ASSERT_GT(span.operations, 300U);
        ASSERT_TRUE(span.rewrote);
        ASSERT_TRUE(span.shared);
        for (std::uint64_t stop = 0; stop <= span.operations; ++stop) {
            ASSERT_EQ(crash({seed, turns, stop, false, zeros}), "")
                << "seed " << seed << ", stopped after " << stop << " operations";
        }
    }
}

}  // namespace

}  // namespace penstock::storage::testing
