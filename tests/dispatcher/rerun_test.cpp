// Messages whose handler read what had moved: handled again at once, in order, a few times; and
// what the scheduler holds of them meanwhile.
#include "tests/dispatcher/handling.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {
namespace {

using model::Failure;
using model::Sequence;
using model::Verdict;

TEST(Rerun, AMovedMessageIsHandledAgainAtOnceAndUncounted) {
    Handling handling(1);
    handling.arrive(1, 2);
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.finish_reading({1});
    const auto due = handling.due();
    ASSERT_EQ(due.size(), 1U);
    ASSERT_EQ(due[0].settlement.effects.size(), 1U);
    handling.durable(due[0], {1});
    EXPECT_EQ(handling.start(), (Sequences{1})) << "before what came later";
    EXPECT_EQ(handling.last_attempt, 1U);
    handling.finish_reading({1});
    const auto again = handling.due();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].settlement.items.at(0).verdict, Verdict::accepted);
    EXPECT_EQ(again[0].settlement.effects.size(), 1U);
    handling.durable(again[0]);
    EXPECT_EQ(handling.start(), (Sequences{2}));
}

TEST(Rerun, SeveralMovedMessagesGoInTheOrderTheyHad) {
    Handling handling(4);
    handling.arrive(1, 6);
    handling.finish_reading(handling.start());
    const auto due = handling.due();
    ASSERT_EQ(due.size(), 1U);
    handling.durable(due[0], {2, 3, 4});
    EXPECT_EQ(handling.start(), (Sequences{2, 3, 4, 5}));
}

TEST(Rerun, AfterFiveTheMessageIsDeferredAndBeginsAnew) {
    Handling handling(1);
    handling.arrive(1, 1);
    for (int round = 0; round < 6; ++round) {
        ASSERT_EQ(handling.start(), (Sequences{1})) << "round " << round;
        handling.finish_reading({1});
        const auto due = handling.due();
        ASSERT_EQ(due.size(), 1U);
        handling.durable(due[0], {1});
    }
    EXPECT_EQ(handling.start(), Sequences{});
    const auto deferred = handling.due();
    ASSERT_EQ(deferred.size(), 1U);
    ASSERT_EQ(deferred[0].settlement.items.size(), 1U);
    EXPECT_EQ(deferred[0].settlement.items[0].verdict, Verdict::not_attempted);
    EXPECT_EQ(deferred[0].settlement.items[0].failure, Failure::kv_moved);
    EXPECT_EQ(deferred[0].settlement.items[0].sequence, 1U);
    EXPECT_TRUE(deferred[0].settlement.attempts.empty());
    EXPECT_TRUE(deferred[0].settlement.effects.empty());
    handling.durable(deferred[0]);
    EXPECT_EQ(handling.scheduler.unsettled(), 0U);
    handling.arrive(1, 1);
    for (int round = 0; round < 5; ++round) {
        ASSERT_EQ(handling.start(), (Sequences{1}));
        handling.finish_reading({1});
        handling.durable(handling.due().at(0), {1});
    }
    EXPECT_EQ(handling.start(), (Sequences{1})) << "its reruns are counted from 0 again";
}

// By a leader that lost the lead while bodies were read, and leads again.
TEST(Rerun, WhatWasHandedOutTwiceEndsTwice) {
    Handling handling(2);
    handling.arrive(1, 1);
    handling.start();
    const std::uint64_t first = handling.tickets.at(1);
    handling.arrive(1, 1);
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.scheduler.finish(first, Handling::reading(), 0);
    handling.finish_reading({1});
    const auto due = handling.due();
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].settlement.items.size(), 2U);
    handling.durable(due[0]);
    EXPECT_EQ(handling.start(), Sequences{});
    EXPECT_EQ(handling.scheduler.unsettled(), 0U);
}

TEST(Rerun, AFailureInBetweenIsSettledAsThat) {
    Handling handling(1);
    handling.arrive(1, 1);
    handling.start();
    handling.finish_reading({1});
    handling.durable(handling.due().at(0), {1});
    handling.start();
    handling.finish(1, Handling::failed(Verdict::retry));
    const auto due = handling.due();
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].settlement.items.at(0).verdict, Verdict::retry);
    EXPECT_EQ(due[0].settlement.items.at(0).failure, Failure::handler);
    EXPECT_TRUE(due[0].settlement.effects.empty());
}

TEST(Rerun, EffectsOfWhatWasNotAcknowledgedAreForgotten) {
    for (const Verdict verdict : {Verdict::retry, Verdict::rejected, Verdict::not_attempted}) {
        Handling handling(1);
        handling.arrive(1, 1);
        handling.start();
        sinks::AttemptResult result = Handling::reading();
        result.verdict = verdict;
        handling.finish(1, std::move(result));
        EXPECT_TRUE(handling.due().at(0).settlement.effects.empty());
    }
}

TEST(Rerun, ADiscardedMessageHasItsEffects) {
    Handling handling(1);
    handling.arrive(1, 1);
    handling.start();
    sinks::AttemptResult result = Handling::reading();
    result.verdict = Verdict::discarded;
    handling.finish(1, std::move(result));
    EXPECT_EQ(handling.due().at(0).settlement.effects.size(), 1U);
}

TEST(Rerun, WhereOrderIsKeptNothingStartsBehindWhatMayBeHandledAgain) {
    Handling handling(1, true);
    handling.arrive(1, 3);
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.finish_reading({1});
    EXPECT_EQ(handling.start(), Sequences{});
    handling.durable(handling.due().at(0), {1});
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.finish_reading({1});
    EXPECT_EQ(handling.start(), Sequences{});
    handling.durable(handling.due().at(0));
    EXPECT_EQ(handling.start(), (Sequences{2}));
    sinks::AttemptResult without_reads;
    handling.finish(2, std::move(without_reads));
    EXPECT_EQ(handling.start(), (Sequences{3})) << "it cannot move";
}

// It counts as failing from now on: all behind it goes back, also what is still on its way here.
TEST(Rerun, WhereOrderIsKeptADeferralSendsBackWhatIsBehindIt) {
    Handling handling(1, true);
    handling.arrive(1, 2);
    for (int round = 0; round < 6; ++round) {
        ASSERT_EQ(handling.start(), (Sequences{1}));
        handling.finish_reading({1});
        handling.durable(handling.due().at(0), {1});
    }
    handling.arrive(3, 3);
    EXPECT_EQ(handling.start(), Sequences{});
    const auto due = handling.due();
    ASSERT_EQ(due.size(), 1U);
    ASSERT_EQ(due[0].settlement.items.size(), 3U);
    for (Sequence at = 1; at <= 3; ++at) {
        EXPECT_EQ(due[0].settlement.items[at - 1].sequence, at);
        EXPECT_EQ(due[0].settlement.items[at - 1].verdict, Verdict::not_attempted);
    }
    handling.durable(due[0]);
    handling.arrive(1, 1);
    EXPECT_EQ(handling.start(), (Sequences{1}));
}

TEST(Rerun, WhatWaitsToBeHandledAgainGoesBackWhenTheTargetStops) {
    Handling handling(1);
    handling.arrive(1, 2);
    handling.start();
    handling.finish_reading({1});
    const auto due = handling.due();
    handling.target.spec.state = model::SubscriptionState::disabled;
    handling.scheduler.set_target(handling.target, 0);
    handling.durable(due.at(0), {1});
    EXPECT_EQ(handling.start(), Sequences{});
    Sequences back;
    for (const DueSettlement& one : handling.due()) {
        for (const model::SettleItem& item : one.settlement.items) {
            EXPECT_EQ(item.verdict, Verdict::not_attempted);
            back.push_back(item.sequence);
        }
    }
    EXPECT_EQ(back, (Sequences{2, 1}));
}

TEST(Rerun, WhileItStopsAMovedMessageIsDeferred) {
    Handling handling(1);
    handling.arrive(1, 1);
    handling.start();
    handling.finish_reading({1});
    const auto due = handling.due();
    handling.scheduler.drain();
    handling.durable(due.at(0), {1});
    const auto deferred = handling.due();
    ASSERT_EQ(deferred.size(), 1U);
    EXPECT_EQ(deferred[0].settlement.items.at(0).failure, Failure::kv_moved);
    handling.durable(deferred[0]);
    EXPECT_EQ(handling.scheduler.unsettled(), 0U);
}

TEST(Rerun, ASettlementOfAnEarlierLifeOfTheSubscriptionChangesNothing) {
    Handling handling(1);
    handling.arrive(1, 1);
    handling.start();
    handling.finish_reading({1});
    const auto due = handling.due();
    handling.scheduler.drop_target(alpha);
    handling.scheduler.set_target(handling.target, 0);
    handling.durable(due.at(0), {1});
    EXPECT_EQ(handling.start(), Sequences{});
}

// Room for eight payloads of 200 bytes, and for one beyond dispute.
SchedulerLimits room_for_eight() {
    SchedulerLimits limits;
    limits.held_bytes_max = 1'600;
    limits.lane_bytes_sure = 200;
    limits.payload_bytes_first = 200;
    return limits;
}

// The payload may be needed again, so it counts until it certainly is not.
TEST(Rerun, PayloadsThatMayBeNeededAgainCountAgainstTheBytesHeld) {
    Handling handling(4, false, room_for_eight());
    handling.scheduler.grants();
    handling.arrive(1, 8, 1, 200);
    handling.finish_reading(handling.start());
    handling.finish_reading(handling.start());
    EXPECT_EQ(handling.scheduler.grants(), (std::vector<Grant>{{alpha, 1}}))
        << "1,600 bytes are held: nobody starves, but no more than that";
    for (const DueSettlement& one : handling.due()) handling.durable(one);
    EXPECT_EQ(handling.scheduler.grants(), (std::vector<Grant>{{alpha, 7}}));
}

TEST(Rerun, ADroppedTargetGivesItsBytesBack) {
    Handling handling(4, false, room_for_eight());
    handling.scheduler.grants();
    handling.arrive(1, 8, 1, 200);
    handling.finish_reading(handling.start());
    handling.scheduler.drop_target(alpha);
    handling.scheduler.set_target(handling.target, 0);
    EXPECT_EQ(handling.scheduler.grants(), (std::vector<Grant>{{alpha, 8}}));
}

TEST(Rerun, TheLogOfAnAcknowledgementTravelsOnlyWhereItMayTurnIntoAFailure) {
    Handling handling(2);
    handling.arrive(1, 2);
    handling.start();
    sinks::AttemptResult quiet;
    quiet.log = "all is well";
    handling.finish(1, quiet);
    quiet.effects.emplace();
    handling.finish(2, quiet);
    const auto due = handling.due();
    ASSERT_EQ(due.at(0).settlement.items.size(), 2U);
    EXPECT_EQ(due[0].settlement.items[0].log, "");
    EXPECT_EQ(due[0].settlement.items[1].log, "all is well");
}

TEST(Rerun, ExcerptAndLogOfAFailureAreCut) {
    Handling handling(1);
    handling.arrive(1, 1);
    handling.start();
    sinks::AttemptResult result = Handling::failed(Verdict::retry);
    result.excerpt = std::string(5'000, 'e');
    result.log = std::string(9'000, 'l');
    handling.finish(1, result);
    const auto due = handling.due();
    EXPECT_EQ(due.at(0).settlement.items.at(0).excerpt.size(), 1'024U);
    EXPECT_EQ(due[0].settlement.items[0].log.size(), 2'048U);
    EXPECT_EQ(due[0].settlement.attempts.at(0).excerpt.size(), 1'024U);
    EXPECT_EQ(due[0].settlement.attempts[0].log.size(), 2'048U);
}

TEST(Disable, IsToldOnceForATargetAsItIs) {
    Handling handling(3);
    handling.arrive(1, 3);
    handling.start();
    EXPECT_TRUE(handling.scheduler.disable(handling.tickets.at(1)));
    EXPECT_FALSE(handling.scheduler.disable(handling.tickets.at(2)));
    handling.scheduler.set_target(handling.target, 0);
    EXPECT_FALSE(handling.scheduler.disable(handling.tickets.at(3)))
        << "it was tried as the target was before";
    for (const Sequence at : {1U, 2U, 3U}) {
        handling.finish(at, Handling::failed(Verdict::not_attempted));
    }
    handling.arrive(4, 4);
    handling.start();
    EXPECT_TRUE(handling.scheduler.disable(handling.tickets.at(4)));
}

TEST(Disable, IsToldAgainWhereNothingCameOfIt) {
    Handling handling(2);
    handling.arrive(1, 2);
    handling.start();
    EXPECT_TRUE(handling.scheduler.disable(handling.tickets.at(1)));
    handling.scheduler.finish(
        handling.tickets.at(1), Handling::failed(Verdict::retry), disable_pause_us - 1);
    EXPECT_FALSE(handling.scheduler.disable(handling.tickets.at(2)));
    handling.scheduler.take({}, disable_pause_us);
    EXPECT_TRUE(handling.scheduler.disable(handling.tickets.at(2)));
}

}  // namespace
}  // namespace penstock::dispatcher
