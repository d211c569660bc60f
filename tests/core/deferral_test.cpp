// What could not be tried: it counts as no attempt, has an age of its own, and ends as the policy
// says.
#include "tests/core/commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::Failure;
using model::Verdict;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr model::TimeMs minute_ms = 60'000;

CoreDriver with_reader(const model::SubscriptionSpec& spec) {
    CoreDriver driver = CoreDriver::data_set({0, 1});
    driver.done(make_topic(news));
    driver.done(make_queue(morgue));
    driver.done(make_subscription(first_reader, spec));
    publish(driver, news);
    return driver;
}

model::SubscriptionSpec patient_spec() {
    model::SubscriptionSpec spec = http_spec(morgue, model::custom_retry({1'000}));
    spec.pace.deferral_ms_max = 10 * minute_ms;
    return spec;
}

void defer(CoreDriver& driver, Failure why) {
    model::Settle command;
    command.subscription = first_reader;
    command.items.push_back(outcome(1, Verdict::not_attempted));
    command.items[0].failure = why;
    command.items[0].status = 0;
    driver.done(command);
}

std::vector<core::WaitingDelivery> waiting(const CoreDriver& driver) {
    return core::waiting_deliveries(driver.rows(), first_reader, 0, 10);
}

std::vector<core::DeadLetter> letters(const CoreDriver& driver) {
    return core::dead_letters(driver.rows(), morgue, 0, 10).items;
}

TEST(Deferral, CountsAsNoAttemptHoweverOften) {
    CoreDriver driver = with_reader(patient_spec());
    for (int minute = 0; minute < 9; ++minute) {
        defer(driver, Failure::name);
        ASSERT_THAT(waiting(driver), SizeIs(1));
        EXPECT_EQ(waiting(driver)[0].why, "deferred");
        EXPECT_EQ(waiting(driver)[0].attempts, 0U);
        driver.advance(minute_ms);
    }
    ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
    EXPECT_EQ(ready(driver, first_reader)[0].attempt, 1U);
}

TEST(Deferral, HasAnAgeLimitAndDiesWithItsReason) {
    CoreDriver driver = with_reader(patient_spec());
    for (int minute = 0; minute < 10; ++minute) {
        defer(driver, Failure::name);
        driver.advance(minute_ms);
    }
    EXPECT_THAT(letters(driver), IsEmpty());
    defer(driver, Failure::name);
    ASSERT_THAT(letters(driver), SizeIs(1));
    EXPECT_EQ(letters(driver)[0].dead->failure, Failure::name);
    EXPECT_EQ(letters(driver)[0].dead->attempts, 0U);
}

TEST(Deferral, ItsAgeBeginsAnewWhenTheTargetWasTried) {
    CoreDriver driver = with_reader(patient_spec());
    defer(driver, Failure::name);
    driver.advance(9 * minute_ms);
    settle(driver, first_reader, {1}, Verdict::retry);
    EXPECT_EQ(waiting(driver)[0].why, "retry");
    driver.advance(minute_ms);
    defer(driver, Failure::name);
    EXPECT_THAT(letters(driver), IsEmpty());
    EXPECT_EQ(waiting(driver)[0].attempts, 1U);
}

TEST(Deferral, WhatGoesBackForNoReasonOfItsOwnDoesNotAge) {
    CoreDriver driver = with_reader(patient_spec());
    for (int minute = 0; minute < 30; ++minute) {
        defer(driver, Failure::none);
        driver.advance(minute_ms);
    }
    EXPECT_THAT(letters(driver), IsEmpty());
}

TEST(Deferral, AnAgedOneIsParkedWhereThePolicySaysSo) {
    model::SubscriptionSpec spec = patient_spec();
    spec.pace.on_exhausted = model::OnExhausted::park;
    CoreDriver driver = with_reader(spec);
    defer(driver, Failure::no_worker);
    driver.advance(10 * minute_ms);
    defer(driver, Failure::no_worker);
    ASSERT_THAT(waiting(driver), SizeIs(1));
    EXPECT_EQ(waiting(driver)[0].why, "exhausted");
    EXPECT_TRUE(waiting(driver)[0].parked);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
}

TEST(Deferral, AStandardScheduleListensToTheReceiversWish) {
    CoreDriver driver = with_reader(http_spec(morgue, model::standard_retry()));
    model::Settle command;
    command.subscription = first_reader;
    command.items.push_back(outcome(1, Verdict::retry));
    command.items[0].retry_after_ms = 60'000;
    driver.done(command);
    EXPECT_EQ(waiting(driver)[0].due_ms, driver.now_ms() + 60'000);
}

}  // namespace

}  // namespace penstock::testing
