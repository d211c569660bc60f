#include "dispatcher/breaker.h"

#include <gtest/gtest.h>

namespace penstock::dispatcher {
namespace {

constexpr std::int64_t second = 1'000'000;

void end(Breaker& breaker, Sign sign, std::int64_t now_us, int times = 1) {
    for (int at = 0; at < times; ++at) breaker.on_end(sign, false, now_us);
}

// Opened by five connections that failed; when it lets a probe through.
std::int64_t open(Breaker& breaker, std::int64_t now_us) {
    end(breaker, Sign::disconnected, now_us, 5);
    EXPECT_TRUE(breaker.open());
    return breaker.until_us();
}

TEST(Breaker, OpensAfterFiveConnectionsInARow) {
    Breaker breaker(1);
    end(breaker, Sign::disconnected, 0, 4);
    EXPECT_TRUE(breaker.lets_through(0));
    end(breaker, Sign::disconnected, 0);
    EXPECT_FALSE(breaker.lets_through(0));
}

TEST(Breaker, AConnectionInBetweenBeginsTheCountAnew) {
    Breaker breaker(1);
    end(breaker, Sign::disconnected, 0, 4);
    end(breaker, Sign::well, 0, 10);
    end(breaker, Sign::disconnected, 0, 4);
    EXPECT_FALSE(breaker.open());
}

TEST(Breaker, OpensWhenHalfOfTwentyAttemptsFailed) {
    Breaker breaker(1);
    end(breaker, Sign::well, 0, 10);
    end(breaker, Sign::badly, 0, 9);
    EXPECT_FALSE(breaker.open());
    end(breaker, Sign::badly, 0);
    EXPECT_TRUE(breaker.open());
}

TEST(Breaker, FewFailuresAmongManyDoNotOpenIt) {
    Breaker breaker(1);
    for (int at = 0; at < 1'000; ++at) end(breaker, at % 3 == 0 ? Sign::badly : Sign::well, at);
    EXPECT_FALSE(breaker.open());
}

TEST(Breaker, OldFailuresSayNothing) {
    Breaker breaker(1);
    end(breaker, Sign::badly, 0, 19);
    end(breaker, Sign::badly, 31 * second);
    EXPECT_FALSE(breaker.open());
}

TEST(Breaker, WhatSaysNothingOfTheEndpointIsNotCounted) {
    Breaker breaker(1);
    end(breaker, Sign::none, 0, 100);
    EXPECT_FALSE(breaker.open());
}

TEST(Breaker, LetsOneProbeThroughAfterAboutASecond) {
    Breaker breaker(1);
    const std::int64_t until = open(breaker, 0);
    EXPECT_GE(until, 800'000);
    EXPECT_LT(until, 1'200'000);
    EXPECT_FALSE(breaker.lets_through(until - 1));
    ASSERT_TRUE(breaker.lets_through(until));
    EXPECT_TRUE(breaker.on_start(until));
    EXPECT_FALSE(breaker.lets_through(until));
    EXPECT_FALSE(breaker.lets_through(until + 600 * second));
}

TEST(Breaker, AProbeThatSucceedsClosesIt) {
    Breaker breaker(1);
    const std::int64_t until = open(breaker, 0);
    breaker.on_start(until);
    breaker.on_end(Sign::well, true, until);
    EXPECT_FALSE(breaker.open());
    EXPECT_TRUE(breaker.lets_through(until));
    EXPECT_FALSE(breaker.on_start(until));
}

TEST(Breaker, EachProbeInVainDoublesThePauseUpToFiveMinutes) {
    Breaker breaker(1);
    std::int64_t now = open(breaker, 0);
    std::int64_t pause = second;
    for (int probe = 0; probe < 12; ++probe) {
        breaker.on_start(now);
        EXPECT_TRUE(breaker.on_end(Sign::disconnected, true, now));
        pause = std::min(2 * pause, 300 * second);
        EXPECT_GE(breaker.until_us() - now, pause * 4 / 5) << probe;
        EXPECT_LT(breaker.until_us() - now, pause * 6 / 5) << probe;
        now = breaker.until_us();
    }
}

TEST(Breaker, AProbeThatSaysNothingLeavesItToTheNext) {
    Breaker breaker(1);
    const std::int64_t until = open(breaker, 0);
    breaker.on_start(until);
    breaker.on_end(Sign::none, true, until);
    EXPECT_TRUE(breaker.open());
    EXPECT_TRUE(breaker.lets_through(until));
}

TEST(Breaker, ThePauseBeginsAnewOnlyAfterASteadyMinute) {
    Breaker breaker(1);
    std::int64_t now = open(breaker, 0);
    breaker.on_start(now);
    breaker.on_end(Sign::well, true, now);
    const std::int64_t soon = open(breaker, now + second) - (now + second);
    EXPECT_GE(soon, 1'600'000);
    now = breaker.until_us();
    breaker.on_start(now);
    breaker.on_end(Sign::well, true, now);
    const std::int64_t later = now + 60 * second;
    EXPECT_LT(open(breaker, later) - later, 1'200'000);
}

TEST(Breaker, TwoThatOpenTogetherDoNotProbeTogether) {
    Breaker one(1);
    Breaker other(2);
    EXPECT_NE(open(one, 0), open(other, 0));
}

}  // namespace
}  // namespace penstock::dispatcher
