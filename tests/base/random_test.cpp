#include "broker/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace penstock {
namespace {

TEST(SeededRandom, IsSplitmixAndRepeatsFromItsSeed) {
    SeededRandom random(0);
    EXPECT_EQ(random.next(), 0xE220A8397B1DCDAFULL);
    EXPECT_EQ(random.next(), 0x6E789E6AA1B965F4ULL);
    EXPECT_EQ(random.next(), 0x06C45D188009454FULL);
    SeededRandom again(0);
    EXPECT_EQ(again.next(), 0xE220A8397B1DCDAFULL);
    EXPECT_NE(SeededRandom(1).next(), SeededRandom(2).next());
}

TEST(Random, BelowIsEvenAndNeverReachesItsBound) {
    SeededRandom random(4);
    std::array<int, 7> seen{};
    for (int round = 0; round < 70'000; ++round) ++seen.at(random.below(7));
    for (const int count : seen) {
        EXPECT_GT(count, 9'500);
        EXPECT_LT(count, 10'500);
    }
    EXPECT_EQ(random.below(1), 0U);
}

// Gives what it is told to, to reach the draws that must be thrown away.
class Scripted final : public Random {
  public:
    std::uint64_t next() override { return draws_ == 0 ? (++draws_, UINT64_MAX) : 5; }

    int draws_ = 0;
};

TEST(Random, BelowDrawsAgainWhenTheDrawWouldFavourSmallResults) {
    Scripted random;
    EXPECT_EQ(random.below(3), 2U);
    EXPECT_EQ(random.draws_, 1);
}

TEST(Random, ABoundOfZeroIsABug) {
    SeededRandom random(1);
    EXPECT_DEATH((void)random.below(0), "positive bound");
}

TEST(Random, FillGivesExactlyTheBytesAskedFor) {
    SeededRandom random(5);
    for (const std::size_t bytes : {0U, 1U, 7U, 8U, 9U, 1000U}) {
        EXPECT_EQ(random.fill(bytes).size(), bytes);
    }
    EXPECT_EQ(SeededRandom(0).fill(9), std::string("\xAF\xCD\x1D\x7B\x39\xA8\x20\xE2\xF4"));
}

TEST(SystemRandom, DoesNotRepeat) {
    SystemRandom random;
    std::set<std::uint64_t> seen;
    for (int round = 0; round < 1000; ++round) seen.insert(random.next());
    EXPECT_EQ(seen.size(), 1000U);
}

}  // namespace
}  // namespace penstock
