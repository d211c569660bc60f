#include "dispatcher/scheduler.h"

#include "tests/dispatcher/deliveries.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::dispatcher {
namespace {

using model::SubscriptionNo;
using model::Verdict;

constexpr SubscriptionNo alpha{11};
constexpr SubscriptionNo beta{12};

api::Target target(SubscriptionNo subscription, std::uint32_t concurrency) {
    api::Target target;
    target.subscription = subscription;
    target.topic = "orders";
    target.name = "s" + std::to_string(subscription.value);
    target.spec.concurrency = concurrency;
    return target;
}

std::vector<api::Delivery> deliveries(SubscriptionNo subscription,
                                      unsigned first,
                                      unsigned count,
                                      std::size_t bytes = 10) {
    return deliveries_of(subscription, first, first + count - 1, 2, bytes, 3);
}

sinks::AttemptResult accepted() {
    sinks::AttemptResult result;
    result.status = 200;
    return result;
}

sinks::AttemptResult failed(Verdict verdict) {
    sinks::AttemptResult result;
    result.verdict = verdict;
    result.failure = model::Failure::status;
    result.status = 503;
    result.retry_after_ms = 7'000;
    result.target = "192.0.2.1:80";
    result.excerpt = "busy";
    return result;
}

// All of a settlement became durable as it says.
Durable durable(const DueSettlement& due) {
    Durable durable;
    durable.subscription = due.settlement.subscription;
    durable.lane = due.lane;
    durable.items = due.settlement.items.size();
    return durable;
}

// What start_next gives until it gives nothing: (subscription, sequence).
std::vector<std::pair<unsigned, unsigned>> start_all(Scheduler& scheduler) {
    std::vector<std::pair<unsigned, unsigned>> started;
    while (const Flight* flight = scheduler.start_next(0, 0)) {
        started.emplace_back(flight->delivery.subscription.value, flight->delivery.sequence);
    }
    return started;
}

TEST(Scheduler, ANewTargetGetsCreditOfTwiceItsConcurrency) {
    Scheduler scheduler{expecting_small()};
    scheduler.set_target(target(alpha, 4), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 8}}));
    EXPECT_EQ(scheduler.grants(), std::vector<Grant>{});
}

TEST(Scheduler, APausedTargetGetsNoCredit) {
    Scheduler scheduler{SchedulerLimits{}};
    api::Target paused = target(alpha, 4);
    paused.spec.state = model::SubscriptionState::paused;
    scheduler.set_target(paused, 0);
    EXPECT_EQ(scheduler.grants(), std::vector<Grant>{});
}

TEST(Scheduler, NoMoreThanTheConcurrencyIsInFlight) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 2), 0);
    scheduler.take(deliveries(alpha, 1, 4), 0);
    EXPECT_EQ(start_all(scheduler), (std::vector<std::pair<unsigned, unsigned>>{{11, 1}, {11, 2}}));
    scheduler.finish(1, accepted(), 5);
    EXPECT_EQ(start_all(scheduler), (std::vector<std::pair<unsigned, unsigned>>{{11, 3}}));
    EXPECT_EQ(scheduler.in_flight(), 2U);
}

TEST(Scheduler, CreditReturnsAsDeliveriesEndAQuarterOfTheWindowAtATime) {
    Scheduler scheduler{expecting_small()};
    scheduler.set_target(target(alpha, 4), 0);
    scheduler.grants();
    scheduler.take(deliveries(alpha, 1, 7), 0);
    start_all(scheduler);
    scheduler.finish(1, accepted(), 5);
    EXPECT_EQ(scheduler.grants(), std::vector<Grant>{});
    scheduler.finish(2, accepted(), 5);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 2}}));
}

// Four of alpha's deliveries wait, and its prefetch has doubled.
void let_outrun_the_broker(Scheduler& scheduler) {
    scheduler.set_target(target(alpha, 4), 0);
    scheduler.grants();
    scheduler.take(deliveries(alpha, 1, 8), 0);
    for (std::uint64_t ticket = 1; ticket <= 8; ++ticket) {
        scheduler.start_next(0, 0);
        scheduler.finish(ticket, accepted(), 0);
    }
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 8}}));
    scheduler.take(deliveries(alpha, 9, 4), 0);
    start_all(scheduler);
    for (std::uint64_t ticket = 9; ticket <= 12; ++ticket) scheduler.finish(ticket, accepted(), 0);
    scheduler.take(deliveries(alpha, 13, 4), 0);
}

TEST(Scheduler, TheWindowGrowsForAnEndpointThatOutrunsTheBroker) {
    Scheduler scheduler{expecting_small()};
    let_outrun_the_broker(scheduler);
    // 4 + 8 may be held now.
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 8}}));
}

TEST(Scheduler, AnotherConcurrencyBeginsWithAWindowOfItsOwn) {
    Scheduler scheduler{expecting_small()};
    let_outrun_the_broker(scheduler);
    scheduler.set_target(target(alpha, 3), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 2}}));
    scheduler.set_target(target(beta, 1), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{beta, 2}}));
    scheduler.set_target(target(beta, 100), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{beta, 198}}));
}

// What is held has to go back one by one when something fails.
TEST(Scheduler, WhereOrderIsKeptFromNowOnTheWindowIsSmallAgain) {
    Scheduler scheduler{expecting_small()};
    let_outrun_the_broker(scheduler);
    api::Target ordered = target(alpha, 4);
    ordered.spec.retry.keeps_order = true;
    scheduler.set_target(ordered, 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 4}}));
}

TEST(Scheduler, LargePayloadsNarrowTheWindow) {
    SchedulerLimits limits = expecting_small();
    limits.lane_bytes_max = 4000;
    Scheduler scheduler{limits};
    scheduler.set_target(target(alpha, 16), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 32}}));
    scheduler.take(deliveries(alpha, 1, 32, 1000), 0);
    start_all(scheduler);
    for (std::uint64_t ticket = 1; ticket <= 16; ++ticket) scheduler.finish(ticket, accepted(), 0);
    start_all(scheduler);
    for (std::uint64_t ticket = 17; ticket <= 32; ++ticket) scheduler.finish(ticket, accepted(), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 4}}));
}

TEST(Scheduler, QuietSubscriptionsShareTheirCreditEvenly) {
    SchedulerLimits limits = expecting_small();
    limits.quiet_held_max = 20;
    Scheduler scheduler{limits};
    scheduler.set_target(target(alpha, 16), 0);
    scheduler.set_target(target(beta, 16), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 10}, {beta, 10}}));
}

TEST(Scheduler, ThousandsOfQuietSubscriptionsLeaveABusyOneItsWindow) {
    SchedulerLimits limits;
    limits.quiet_held_max = 20;
    limits.held_max = 100;
    Scheduler scheduler{limits};
    for (std::uint32_t number = 1; number <= 20; ++number) {
        scheduler.set_target(target(SubscriptionNo{number + 100}, 16), 0);
    }
    scheduler.set_target(target(alpha, 16), 0);
    EXPECT_EQ(scheduler.grants().size(), 21U);  // one each

    scheduler.take(deliveries(alpha, 1, 1), 0);
    // 16 at a time and, since its credit ran out, 32 beforehand; one of them is here.
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 47}}));

    // A second busy one may have as many as are left free, 31 beside 69.
    scheduler.set_target(target(beta, 60), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{beta, 1}}));
    scheduler.take(deliveries(beta, 1, 1), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{beta, 30}}));

    // What is dropped is free again.
    scheduler.drop_target(beta);
    scheduler.set_target(target(beta, 60), 0);
    scheduler.take(deliveries(beta, 2, 1), 0);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{beta, 30}}));
}

TEST(Scheduler, SubscriptionsTakeTurnsByBytes) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 100), 0);
    scheduler.set_target(target(beta, 100), 0);
    scheduler.take(deliveries(alpha, 1, 3, 40'000), 0);
    scheduler.take(deliveries(beta, 1, 3, 40'000), 0);
    EXPECT_EQ(start_all(scheduler),
              (std::vector<std::pair<unsigned, unsigned>>{
                  {11, 1}, {12, 1}, {11, 2}, {11, 3}, {12, 2}, {12, 3}}));
}

TEST(Scheduler, HangingEndpointsLeaveAPlaceForTheNext) {
    SchedulerLimits limits;
    limits.in_flight_max = 64;
    Scheduler scheduler{limits};
    std::vector<std::size_t> started;
    for (std::uint32_t number = 1; number <= 7; ++number) {
        scheduler.set_target(target(SubscriptionNo{number}, 100), 0);
        scheduler.take(deliveries(SubscriptionNo{number}, 1, 100), 0);
        started.push_back(start_all(scheduler).size());
    }
    EXPECT_EQ(started, (std::vector<std::size_t>{16, 8, 4, 4, 4, 4, 4}));
    scheduler.set_target(target(alpha, 1), 0);
    scheduler.take(deliveries(alpha, 1, 1), 0);
    EXPECT_EQ(start_all(scheduler), (std::vector<std::pair<unsigned, unsigned>>{{11, 1}}));
}

TEST(Scheduler, TheFirstOutcomeIsSettledAtOnceAndLaterOnesGatherBehindIt) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 4), 0);
    scheduler.take(deliveries(alpha, 1, 4), 0);
    start_all(scheduler);
    scheduler.finish(1, accepted(), 100);
    auto due = scheduler.settlements(100);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].settlement.items.size(), 1U);

    scheduler.finish(2, accepted(), 200);
    scheduler.finish(3, accepted(), 300);
    EXPECT_EQ(scheduler.settlements(300).size(), 0U);
    EXPECT_EQ(scheduler.wake_us(), 10'100);
    scheduler.on_durable(durable(due[0]), 0);
    EXPECT_EQ(scheduler.settlements(400).size(), 0U);
    due = scheduler.settlements(10'100);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].settlement.items.size(), 2U);
    EXPECT_EQ(scheduler.wake_us(), std::nullopt);
    EXPECT_EQ(scheduler.unsettled(), 2U);
}

TEST(Scheduler, FailuresWaitAFewMillisecondsAtMost) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 4), 0);
    scheduler.take(deliveries(alpha, 1, 4), 0);
    start_all(scheduler);
    scheduler.finish(1, accepted(), 0);
    scheduler.settlements(0);
    scheduler.finish(2, failed(Verdict::retry), 1'000);
    EXPECT_EQ(scheduler.settlements(3'999).size(), 0U);
    EXPECT_EQ(scheduler.settlements(4'000).size(), 1U);
}

TEST(Scheduler, ASettlementHoldsAtMostAThousandOutcomes) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 1000), 0);
    scheduler.take(deliveries(alpha, 1, 2500), 0);
    for (std::uint64_t ticket = 1; ticket <= 2500; ++ticket) {
        ASSERT_NE(scheduler.start_next(0, 0), nullptr);
        scheduler.finish(ticket, ticket % 2 == 0 ? accepted() : failed(Verdict::not_attempted), 0);
    }
    const auto due = scheduler.settlements(0);
    ASSERT_EQ(due.size(), 2U);
    EXPECT_EQ(due[0].settlement.items.size(), 1000U);
    EXPECT_EQ(due[0].settlement.attempts.size(), 500U);
    EXPECT_EQ(due[1].settlement.items.size(), 1000U);
    EXPECT_EQ(due[1].settlement.attempts.front().sequence, 1002U);
    EXPECT_EQ(scheduler.settlements(3'000)[0].settlement.items.size(), 500U);
}

TEST(Scheduler, AFailureIsSettledWithWhatIsKnownOfIt) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 4), 0);
    scheduler.take(deliveries(alpha, 5, 1), 0);
    ASSERT_NE(scheduler.start_next(1'000, 1'700'000'000'000), nullptr);
    scheduler.finish(1, failed(Verdict::retry), 3'500);
    const auto due = scheduler.settlements(3'500);
    ASSERT_EQ(due.size(), 1U);
    const api::Dispatch::Settlement& settlement = due[0].settlement;
    EXPECT_EQ(settlement.subscription, alpha);
    const model::SettleItem item{
        5, 3, Verdict::retry, model::Failure::status, 503, 7'000, "busy", ""};
    EXPECT_EQ(settlement.items, std::vector<model::SettleItem>{item});
    const model::Attempt attempt{5,
                                 model::MessageId(1005),
                                 2,
                                 1'700'000'000'000,
                                 2'500,
                                 Verdict::retry,
                                 model::Failure::status,
                                 503,
                                 "192.0.2.1:80",
                                 "busy",
                                 "",
                                 0};
    EXPECT_EQ(settlement.attempts, std::vector<model::Attempt>{attempt});
}

TEST(Scheduler, WhatTheTargetNeverSawIsNoAttempt) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 4), 0);
    scheduler.take(deliveries(alpha, 5, 1), 0);
    scheduler.start_next(0, 0);
    scheduler.finish(1, failed(Verdict::not_attempted), 0);
    const auto due = scheduler.settlements(0);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].settlement.items[0].verdict, Verdict::not_attempted);
    EXPECT_TRUE(due[0].settlement.attempts.empty());
}

TEST(Scheduler, WhatTheSinkSettledItselfIsNotSettledAgain) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 4), 0);
    scheduler.take(deliveries(alpha, 5, 1), 0);
    scheduler.start_next(0, 0);
    sinks::AttemptResult result;
    result.settled = true;
    scheduler.finish(1, result, 0);
    EXPECT_EQ(scheduler.settlements(0).size(), 0U);
}

TEST(Scheduler, PausingHandsBackWhatWaitsAndLetsAttemptsEnd) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 1), 0);
    scheduler.take(deliveries(alpha, 1, 3), 0);
    scheduler.start_next(0, 0);
    api::Target paused = target(alpha, 1);
    paused.spec.state = model::SubscriptionState::paused;
    scheduler.set_target(paused, 0);
    auto due = scheduler.settlements(0);
    ASSERT_EQ(due.size(), 1U);
    ASSERT_EQ(due[0].settlement.items.size(), 2U);
    EXPECT_EQ(due[0].settlement.items[0].sequence, 2U);
    EXPECT_EQ(due[0].settlement.items[0].verdict, Verdict::not_attempted);
    EXPECT_EQ(due[0].settlement.items[0].retry_after_ms, 0U);
    scheduler.on_durable(durable(due[0]), 0);
    scheduler.finish(1, accepted(), 0);
    due = scheduler.settlements(10'000);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].settlement.items[0].sequence, 1U);
    EXPECT_EQ(start_all(scheduler).size(), 0U);
}

api::Target ordered(SubscriptionNo subscription, std::uint32_t concurrency) {
    api::Target made = target(subscription, concurrency);
    made.spec.retry = model::backoff_retry();
    return made;
}

// Sequences of what is settled by then, with their verdicts; all of it becomes durable.
std::vector<std::pair<unsigned, Verdict>> settle_all(Scheduler& scheduler,
                                                     std::int64_t now_us = 1'000'000) {
    std::vector<std::pair<unsigned, Verdict>> all;
    for (const auto& due : scheduler.settlements(now_us)) {
        for (const auto& item : due.settlement.items) all.emplace_back(item.sequence, item.verdict);
        scheduler.on_durable(durable(due), 0);
    }
    return all;
}

TEST(Scheduler, WhereOrderIsKeptAFailureSendsBackWhatWaitsBehindIt) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(ordered(alpha, 2), 0);
    scheduler.take(deliveries(alpha, 1, 4), 0);
    EXPECT_EQ(start_all(scheduler).size(), 2U);
    scheduler.finish(1, failed(Verdict::retry), 0);
    EXPECT_EQ(start_all(scheduler).size(), 0U);
    EXPECT_EQ(settle_all(scheduler),
              (std::vector<std::pair<unsigned, Verdict>>{
                  {3, Verdict::not_attempted}, {4, Verdict::not_attempted}, {1, Verdict::retry}}));
    // The one that had started already ends as it may.
    scheduler.finish(2, accepted(), 0);
    EXPECT_EQ(settle_all(scheduler, 2'000'000),
              (std::vector<std::pair<unsigned, Verdict>>{{2, Verdict::accepted}}));
}

TEST(Scheduler, WhereOrderIsKeptWhatWasHandedOutTooEarlyGoesBackToo) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(ordered(alpha, 2), 0);
    scheduler.take(deliveries(alpha, 1, 1), 0);
    start_all(scheduler);
    scheduler.finish(1, failed(Verdict::retry), 0);
    settle_all(scheduler);
    scheduler.take(deliveries(alpha, 2, 1), 0);
    EXPECT_EQ(start_all(scheduler).size(), 0U);
    EXPECT_EQ(settle_all(scheduler),
              (std::vector<std::pair<unsigned, Verdict>>{{2, Verdict::not_attempted}}));
    // The failing one comes again, then the one sent back, then all is as before.
    for (const unsigned sequence : {1U, 2U, 3U, 4U}) {
        scheduler.take(deliveries(alpha, sequence, 1), 0);
        EXPECT_EQ(start_all(scheduler),
                  (std::vector<std::pair<unsigned, unsigned>>{{11, sequence}}));
        scheduler.finish(sequence + 1, accepted(), 0);
        settle_all(scheduler);
    }
}

TEST(Scheduler, WhereOrderIsKeptADeadDeliveryBlocksNothingForLong) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(ordered(alpha, 2), 0);
    scheduler.take(deliveries(alpha, 1, 1), 0);
    start_all(scheduler);
    scheduler.finish(1, failed(Verdict::retry), 0);
    settle_all(scheduler);
    // The first one is a dead letter and never comes again: the second makes one round more.
    scheduler.take(deliveries(alpha, 2, 1), 0);
    settle_all(scheduler);
    scheduler.take(deliveries(alpha, 2, 1), 0);
    EXPECT_EQ(start_all(scheduler).size(), 1U);
    scheduler.finish(2, accepted(), 0);
    scheduler.take(deliveries(alpha, 3, 2), 0);
    EXPECT_EQ(start_all(scheduler).size(), 2U);
}

TEST(Scheduler, WithoutOrderAFailureHoldsNothingBack) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 1), 0);
    scheduler.take(deliveries(alpha, 1, 2), 0);
    start_all(scheduler);
    scheduler.finish(1, failed(Verdict::retry), 0);
    EXPECT_EQ(start_all(scheduler), (std::vector<std::pair<unsigned, unsigned>>{{11, 2}}));
}

TEST(Scheduler, AForgottenTargetLeavesNoTraceEvenIfItComesBack) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 1), 0);
    scheduler.take(deliveries(alpha, 1, 2), 0);
    scheduler.start_next(0, 0);
    EXPECT_EQ(scheduler.drop_target(alpha)->subscription, alpha);
    scheduler.set_target(target(alpha, 1), 0);
    scheduler.finish(1, accepted(), 0);
    EXPECT_EQ(scheduler.settlements(0).size(), 0U);
    EXPECT_EQ(scheduler.in_flight(), 0U);
    EXPECT_EQ(scheduler.grants(), (std::vector<Grant>{{alpha, 2}}));
}

TEST(Scheduler, DeliveriesOfUnknownTargetsAreDropped) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.take(deliveries(alpha, 1, 2), 0);
    EXPECT_EQ(scheduler.start_next(0, 0), nullptr);
}

TEST(Scheduler, NothingStartsWhileTooManyOutcomesAreNotDurable) {
    SchedulerLimits limits;
    limits.unsettled_max = 1;
    Scheduler scheduler{limits};
    scheduler.set_target(target(alpha, 1), 0);
    scheduler.take(deliveries(alpha, 1, 2), 0);
    scheduler.start_next(0, 0);
    scheduler.finish(1, accepted(), 0);
    EXPECT_EQ(scheduler.start_next(0, 0), nullptr);
    const auto due = scheduler.settlements(0);
    EXPECT_EQ(scheduler.start_next(0, 0), nullptr);
    scheduler.on_durable(durable(due[0]), 0);
    EXPECT_NE(scheduler.start_next(0, 0), nullptr);
}

TEST(Scheduler, DrainingStartsAndGrantsNothingAndSettlesWithoutDelay) {
    Scheduler scheduler{SchedulerLimits{}};
    scheduler.set_target(target(alpha, 3), 0);
    scheduler.take(deliveries(alpha, 1, 4), 0);
    start_all(scheduler);
    scheduler.drain();
    scheduler.finish(1, accepted(), 0);
    EXPECT_EQ(scheduler.settlements(0).size(), 1U);
    scheduler.finish(2, accepted(), 0);
    EXPECT_EQ(scheduler.settlements(0).size(), 1U);
    scheduler.finish(3, failed(Verdict::not_attempted), 0);
    EXPECT_EQ(scheduler.settlements(0).size(), 0U);
    EXPECT_EQ(scheduler.start_next(0, 0), nullptr);
    EXPECT_EQ(scheduler.grants(), std::vector<Grant>{});
    EXPECT_EQ(scheduler.unsettled(), 2U);
}

}  // namespace
}  // namespace penstock::dispatcher
