#include "broker/base/even_time.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

struct TwoClocks final : Clock {
    [[nodiscard]] std::int64_t wall_ms() const override { return wall; }

    [[nodiscard]] std::int64_t steady_us() const override { return steady; }

    void pass(std::int64_t milliseconds) {
        wall += milliseconds;
        steady += milliseconds * 1'000;
    }

    std::int64_t wall = 1'700'000'000'000;
    std::int64_t steady = 5'000;
};

constexpr std::int64_t hour_ms = 3'600'000;

TEST(EvenTime, GoesWithAWallClockThatDoesNotJump) {
    TwoClocks clock;
    EvenTime time;
    for (int turn = 0; turn < 1'000; ++turn) {
        ASSERT_EQ(time.now_ms(clock), clock.wall);
        clock.pass(turn % 7);
    }
}

TEST(EvenTime, IsNotOffByWhatTheWallClockCutsAway) {
    TwoClocks clock;
    EvenTime time;
    (void)time.now_ms(clock);
    for (int turn = 0; turn < 100; ++turn) {
        clock.steady += 700;
        clock.wall = 1'700'000'000'000 + (clock.steady - 4'400) / 1'000;
        ASSERT_EQ(time.now_ms(clock), clock.wall);
    }
}

TEST(EvenTime, TakesInAJumpAheadAtAHundredthOfTheTimeThatPasses) {
    TwoClocks clock;
    EvenTime time;
    const std::int64_t began = time.now_ms(clock);
    clock.wall += hour_ms;
    EXPECT_EQ(time.now_ms(clock), began);
    clock.pass(10'000);
    EXPECT_EQ(time.now_ms(clock), began + 10'100);
    for (int step = 0; step < 1'000; ++step) {
        clock.pass(1);
        (void)time.now_ms(clock);
    }
    EXPECT_EQ(time.now_ms(clock), began + 11'110);
}

TEST(EvenTime, NeverStandsStillWhileTheWallClockIsBehind) {
    TwoClocks clock;
    EvenTime time;
    const std::int64_t began = time.now_ms(clock);
    clock.wall -= hour_ms;
    EXPECT_EQ(time.now_ms(clock), began);
    clock.pass(10'000);
    EXPECT_EQ(time.now_ms(clock), began + 9'900);
}

TEST(EvenTime, IsRightAgainInTheEnd) {
    TwoClocks clock;
    EvenTime time;
    (void)time.now_ms(clock);
    clock.wall += 1'000;
    for (int second = 0; second < 101; ++second) {
        clock.pass(1'000);
        (void)time.now_ms(clock);
    }
    EXPECT_EQ(time.now_ms(clock), clock.wall);
}

}  // namespace
}  // namespace penstock
