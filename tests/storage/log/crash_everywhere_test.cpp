#include "tests/storage/log/crash_run.h"

#include <gtest/gtest.h>

namespace penstock::storage::testing {

namespace {

constexpr std::uint64_t turns = 120;

TEST(LogStoreCrash, LosesNothingAcknowledgedWhateverOperationItFollows) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        const CrashSpan span = span_of(seed, turns);
        ASSERT_GT(span.operations, 300U);
        ASSERT_TRUE(span.rewrote);
        for (std::uint64_t stop = 0; stop <= span.operations; ++stop) {
            ASSERT_EQ(crash({seed, turns, stop}), "")
                << "seed " << seed << ", stopped after " << stop << " operations";
        }
    }
}

}  // namespace

}  // namespace penstock::storage::testing
