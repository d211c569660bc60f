#include "broker/base/token_bucket.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t start_us = 5 * second_us;

int taken_at(TokenBucket& bucket, std::int64_t now_us) {
    int taken = 0;
    while (bucket.has_one(now_us)) {
        bucket.take(1, now_us);
        ++taken;
    }
    return taken;
}

TEST(TokenBucket, HoldsItsMostAndFillsAtItsRate) {
    TokenBucket bucket(100, 50);
    EXPECT_EQ(taken_at(bucket, start_us), 50);
    EXPECT_EQ(taken_at(bucket, start_us + second_us / 10), 10);
    EXPECT_FALSE(bucket.full(start_us + second_us / 2));
    EXPECT_TRUE(bucket.full(start_us + second_us));
    EXPECT_EQ(taken_at(bucket, start_us + 60 * second_us), 50);
}

TEST(TokenBucket, ADebtIsPaidByTime) {
    TokenBucket bucket(100, 100);
    bucket.take(300, start_us);
    EXPECT_FALSE(bucket.has_one(start_us + 2 * second_us));
    EXPECT_EQ(bucket.next_us(start_us), start_us + 2 * second_us + second_us / 100);
    EXPECT_EQ(taken_at(bucket, start_us + 3 * second_us), 100);
}

TEST(TokenBucket, WhatIsAddedStaysBelowItsMost) {
    TokenBucket bucket(1, 10);
    bucket.take(5, start_us);
    bucket.add(3, start_us);
    EXPECT_EQ(taken_at(bucket, start_us), 8);
    bucket.add(100, start_us);
    EXPECT_EQ(taken_at(bucket, start_us), 10);
}

TEST(TokenBucket, TellsWhatIsLeftAndWhenItIsFull) {
    TokenBucket bucket(10, 20);
    EXPECT_EQ(bucket.left(1'000'000), 20);
    EXPECT_EQ(bucket.full_after_us(1'000'000), 0);
    bucket.take(15, 1'000'000);
    EXPECT_NEAR(bucket.left(1'000'000), 5, 1e-3);
    EXPECT_NEAR(static_cast<double>(bucket.full_after_us(1'000'000)), 1'500'000, 10);
    EXPECT_NEAR(bucket.left(1'500'000), 10, 1e-3);
    bucket.take(30, 1'500'000);
    EXPECT_EQ(bucket.left(1'500'000), 0) << "a debt";
    EXPECT_NEAR(static_cast<double>(bucket.full_after_us(1'500'000)), 4'000'000, 10);
}

}  // namespace
}  // namespace penstock
