// Dead letters of queues: by receives, by age, what is refused, and what happens when the
// dead-letter queue takes nothing; redrive to a queue.
#include "tests/core/commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::Failure;
using model::Reason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

CoreDriver with_morgue(const model::QueueAttributes& orders_have,
                       const model::QueueAttributes& morgue_has = {}) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(morgue, morgue_has));
    driver.done(make_queue(orders, orders_have));
    return driver;
}

std::vector<core::DeadLetter> letters(const CoreDriver& driver) {
    return core::dead_letters(driver.rows(), morgue, 0, 1'000).items;
}

void receive_in_vain(CoreDriver& driver, std::uint32_t times) {
    for (std::uint32_t round = 0; round < times; ++round) {
        receive(driver, orders, 16, 1'000);
        driver.advance(1'000);
    }
}

TEST(DeadLetter, AMessageReceivedTooOftenMovesWithItsReason) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 3));
    const auto ids = send(driver, orders);
    receive_in_vain(driver, 2);
    EXPECT_THAT(letters(driver), IsEmpty());
    receive_in_vain(driver, 1);
    EXPECT_TRUE(driver.signalled_visible(morgue));
    EXPECT_THAT(receive(driver, orders), IsEmpty());
    ASSERT_THAT(letters(driver), SizeIs(1));
    const core::DeadLetter letter = letters(driver)[0];
    EXPECT_EQ(letter.message, ids[0]);
    EXPECT_EQ(letter.state, "visible");
    ASSERT_TRUE(letter.dead.has_value());
    EXPECT_EQ(letter.dead->source, orders);
    EXPECT_EQ(letter.dead->source_name, "queue-1");
    EXPECT_EQ(letter.dead->failure, Failure::receives);
    EXPECT_EQ(letter.dead->attempts, 3U);
    EXPECT_EQ(letter.dead->died_ms, CoreDriver::start_ms + 3'000);
    EXPECT_EQ(letter.dead->first_logged_ms, CoreDriver::start_ms);
    driver.advance(1'000);
    EXPECT_EQ(driver.live_bodies(), 1U);
    const auto got = receive(driver, morgue);
    EXPECT_EQ(got.at(0).receives, 1U);
    EXPECT_EQ(letters(driver)[0].state, "in_flight");
    remove(driver, morgue, got[0].receipt);
    driver.advance(1'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(DeadLetter, GivingUpAtOnceCountsAsAReceive) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    send(driver, orders);
    const auto got = receive(driver, orders);
    driver.done(model::ChangeVisibility{orders, got[0].receipt, 0});
    EXPECT_THAT(letters(driver), SizeIs(1));
}

TEST(DeadLetter, WhatIsGivenBackComesNoNearerToItsDeath) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 2));
    send(driver, orders);
    for (int times = 0; times < 5; ++times) {
        const auto got = receive(driver, orders);
        ASSERT_THAT(got, SizeIs(1));
        EXPECT_EQ(got[0].receives, 1U);
        driver.done(model::GiveBack{orders, {got[0].receipt}, 1'000});
        driver.advance(1'000);
    }
    EXPECT_THAT(letters(driver), IsEmpty());
    receive_in_vain(driver, 2);
    EXPECT_THAT(letters(driver), SizeIs(1));
}

TEST(DeadLetter, AMessageDeletedInTimeDoesNotDie) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    send(driver, orders);
    remove(driver, orders, receive(driver, orders).at(0).receipt);
    driver.advance(100'000);
    EXPECT_THAT(letters(driver), IsEmpty());
}

TEST(DeadLetter, AFullDeadLetterQueueLeavesTheMessageWhereItIs) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1), holding(1));
    send(driver, morgue);
    send(driver, orders);
    receive_in_vain(driver, 2);
    EXPECT_EQ(counts(driver, orders).active, 1U);
    EXPECT_EQ(receive(driver, orders, 1, 1'000).at(0).receives, 3U);
    remove(driver, morgue, receive(driver, morgue).at(0).receipt);
    driver.advance(1'000);
    EXPECT_EQ(counts(driver, orders).active, 0U);
    EXPECT_THAT(letters(driver), SizeIs(1));
}

TEST(DeadLetter, FreshReadyAndLeasedMessagesDieOfAge) {
    CoreDriver driver = with_morgue(dead_by_age(morgue, 300));
    const auto ids = send(driver, orders, 3);
    receive(driver, orders, 1, 1'000);
    driver.advance(1'000);
    receive(driver, orders, 1, 3'000);
    driver.advance(3'000);
    receive(driver, orders, 1, 1'000);
    driver.advance(290'000);
    receive(driver, orders, 1, 60'000);
    driver.advance(6'000);
    EXPECT_THAT(letters(driver), SizeIs(2));
    EXPECT_EQ(letters(driver)[0].dead->failure, Failure::time_to_live);
    driver.advance(60'000);
    ASSERT_THAT(letters(driver), SizeIs(3));
    EXPECT_EQ(letters(driver)[2].dead->attempts, 4U);
    EXPECT_EQ(counts(driver, orders).active + counts(driver, orders).inactive, 0U);
    driver.advance(1'000);
    EXPECT_EQ(driver.live_bodies(), 3U);
}

TEST(DeadLetter, AgeCountsFromTheLaterOfLogTimeAndRewind) {
    model::QueueAttributes attributes = dead_by_age(morgue, 300);
    attributes.rewind_s = 3'600;
    CoreDriver driver = with_morgue(attributes);
    send(driver, orders, 2);
    driver.advance(250'000);
    remove(driver, orders, receive(driver, orders).at(0).receipt);
    driver.done(model::RewindQueue{orders, CoreDriver::start_ms});
    driver.advance(299'000);
    EXPECT_THAT(letters(driver), IsEmpty());
    EXPECT_EQ(counts(driver, orders).active, 2U);
    driver.advance(1'000);
    EXPECT_THAT(letters(driver), SizeIs(2));
}

TEST(DeadLetter, OfAgeWaitsForRoomAndMovesLater) {
    CoreDriver driver = with_morgue(dead_by_age(morgue, 300), holding(1));
    send(driver, morgue);
    send(driver, orders, 2);
    driver.advance(310'000);
    EXPECT_EQ(counts(driver, orders).active, 2U);
    driver.done(model::SetQueue{morgue, holding(100)});
    driver.advance(30'000);
    EXPECT_EQ(counts(driver, orders).active, 0U);
    EXPECT_THAT(letters(driver), SizeIs(3));
}

TEST(DeadLetter, OfAgeIsNotForgottenWhenSeveralTimersFireInOneEntry) {
    CoreDriver driver = with_morgue(dead_by_age(morgue, 300), holding(1));
    driver.done(make_queue(others));
    send(driver, morgue);
    send(driver, orders);
    send(driver, others);
    driver.advance(250'000);
    receive(driver, orders, 1, 100'000);
    receive(driver, others, 1, 101'000);
    driver.skip(150'000);
    driver.run_due();
    EXPECT_EQ(counts(driver, orders).active, 1U);
    driver.done(model::SetQueue{morgue, holding(9)});
    driver.advance(31'000);
    EXPECT_EQ(counts(driver, orders).active, 0U);
    EXPECT_THAT(letters(driver), SizeIs(2));
}

TEST(DeadLetter, APolicySetLaterJudgesWhatIsThere) {
    CoreDriver driver = with_morgue({});
    send(driver, orders, 2);
    driver.advance(400'000);
    driver.done(model::SetQueue{orders, dead_by_age(morgue, 300)});
    driver.advance(1'000);
    EXPECT_THAT(letters(driver), SizeIs(2));
}

TEST(DeadLetter, NestingIsRefusedBothWays) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    EXPECT_EQ(driver.refused(make_queue(others, dead_by_receives(orders, 1))),
              Reason::dead_letter_nested);
    driver.done(make_queue(others));
    EXPECT_EQ(driver.refused(model::SetQueue{morgue, dead_by_receives(others, 1)}),
              Reason::dead_letter_nested);
    EXPECT_EQ(driver.refused(model::SetQueue{others, dead_by_receives(others, 1)}),
              Reason::dead_letter_nested);
    driver.done(make_topic(news));
    EXPECT_EQ(driver.refused(make_subscription(first_reader, http_spec(orders))),
              Reason::dead_letter_nested);
}

TEST(DeadLetter, AQueueThatIsNotThereCannotBeOne) {
    CoreDriver driver = with_morgue({});
    EXPECT_EQ(driver.refused(make_queue(others, dead_by_receives(model::QueueNo{99}, 1))),
              Reason::dead_letter_not_found);
    driver.done(make_topic(news));
    EXPECT_EQ(driver.refused(make_subscription(first_reader, http_spec(model::QueueNo{99}))),
              Reason::dead_letter_not_found);
}

TEST(DeadLetter, SixSourcesMayShareAQueueAndNoMore) {
    CoreDriver driver = with_morgue({});
    for (std::uint32_t at = 0; at < 6; ++at) {
        driver.done(make_queue(model::QueueNo{100 + at}, dead_by_receives(morgue, 1)));
    }
    EXPECT_THAT(core::dead_letter_sources(driver.rows(), morgue), SizeIs(6));
    EXPECT_EQ(driver.refused(make_queue(others, dead_by_receives(morgue, 1))),
              Reason::dead_letter_too_many_sources);
    driver.done(model::SetQueue{model::QueueNo{100}, dead_by_receives(morgue, 9)});
    driver.done(model::SetQueue{model::QueueNo{100}, {}});
    driver.done(make_queue(others, dead_by_receives(morgue, 1)));
}

TEST(DeadLetter, AQueueInUseAsOneCannotBeDeleted) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    EXPECT_EQ(driver.refused(model::DeleteQueue{morgue}), Reason::dead_letter_in_use);
    driver.done(model::DeleteQueue{orders});
    driver.done(model::DeleteQueue{morgue});
}

TEST(Redrive, SendsLettersBackToTheirQueueAsFreshMessages) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    const auto ids = send(driver, orders, 3);
    receive_in_vain(driver, 1);
    EXPECT_EQ(driver.apply_as<model::Started>(model::Redrive{morgue, {}}).items, 3U);
    driver.run_due();
    EXPECT_THAT(letters(driver), IsEmpty());
    const auto got = receive(driver, orders, 16);
    ASSERT_THAT(got, SizeIs(3));
    EXPECT_EQ(got[2].message, ids[2]);
    EXPECT_EQ(got[0].receives, 1U);
    for (const auto& message : got) remove(driver, orders, message.receipt);
    driver.advance(1'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(Redrive, SendsOnlyTheNamedLetters) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    send(driver, orders, 4);
    receive_in_vain(driver, 1);
    EXPECT_EQ(driver.apply_as<model::Started>(model::Redrive{morgue, {3, 2, 77}}).items, 3U);
    driver.run_due();
    ASSERT_THAT(letters(driver), SizeIs(2));
    EXPECT_EQ(letters(driver)[0].sequence, 1U);
    EXPECT_EQ(letters(driver)[1].sequence, 4U);
    EXPECT_EQ(counts(driver, morgue).active, 2U);
    EXPECT_EQ(counts(driver, orders).active, 2U);
    EXPECT_THAT(receive(driver, morgue, 16), SizeIs(2));
}

TEST(Redrive, OutOfOrderLeavesCountsAndTheNextReceiveRight) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    send(driver, orders, 5);
    receive_in_vain(driver, 1);
    for (const model::Sequence sequence : {2U, 1U, 4U, 3U}) {
        driver.apply_as<model::Started>(model::Redrive{morgue, {sequence}});
        driver.run_due();
    }
    EXPECT_EQ(counts(driver, morgue).active, 1U);
    const auto got = receive(driver, morgue, 16);
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].sequence, 5U);
}

TEST(Redrive, ASecondOneDoesNotForgetTheFirst) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    send(driver, orders, 4);
    receive_in_vain(driver, 1);
    driver.apply({model::Redrive{morgue, {1, 2}}, model::Redrive{morgue, {4}}});
    driver.run_due();
    ASSERT_THAT(letters(driver), SizeIs(1));
    EXPECT_EQ(letters(driver)[0].sequence, 3U);
}

TEST(Redrive, LeavesLeasedLettersAndThoseSentDirectly) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    send(driver, morgue);
    send(driver, orders, 2);
    receive_in_vain(driver, 1);
    receive(driver, morgue, 2);
    driver.apply_as<model::Started>(model::Redrive{morgue, {}});
    driver.run_due();
    ASSERT_THAT(letters(driver), SizeIs(2));
    EXPECT_FALSE(letters(driver)[0].dead.has_value());
    EXPECT_EQ(letters(driver)[1].state, "in_flight");
    EXPECT_EQ(counts(driver, orders).active, 1U);
}

TEST(Redrive, LeavesLettersWhoseSourceIsGoneOrFull) {
    CoreDriver driver = with_morgue(dead_by_receives(morgue, 1));
    send(driver, orders);
    send(driver, orders);
    receive_in_vain(driver, 1);
    model::QueueAttributes small = dead_by_receives(morgue, 1);
    small.messages_max = 1;
    driver.done(model::SetQueue{orders, small});
    driver.apply_as<model::Started>(model::Redrive{morgue, {}});
    driver.run_due();
    EXPECT_THAT(letters(driver), SizeIs(1));
    driver.done(model::DeleteQueue{orders});
    driver.apply_as<model::Started>(model::Redrive{morgue, {}});
    driver.advance(10'000);
    EXPECT_THAT(letters(driver), SizeIs(1));
    EXPECT_EQ(driver.live_bodies(), 1U);
}

TEST(Quarantine, TakesALeasedAVisibleAndAFreshMessageOut) {
    CoreDriver driver = with_morgue({});
    const auto ids = send(driver, orders, 4);
    receive(driver, orders, 1, 1'000);
    driver.advance(1'000);
    receive(driver, orders, 1, 1'000);
    receive(driver, orders, 1, 1'000);
    driver.advance(1'000);
    receive(driver, orders, 1, 60'000);
    EXPECT_EQ(counts(driver, orders).inactive, 1U);
    for (const model::Sequence at : {4U, 2U, 1U}) {
        driver.done(model::Quarantine{orders, at, ids[at - 1]});
        driver.done(model::Quarantine{orders, at, ids[at - 1]});
    }
    EXPECT_EQ(counts(driver, orders).inactive, 0U);
    EXPECT_EQ(counts(driver, orders).active, 1U);
    const auto left = receive(driver, orders, 16);
    ASSERT_THAT(left, SizeIs(1));
    EXPECT_EQ(left[0].sequence, 3U);
    driver.done(model::Quarantine{model::QueueNo{99}, 1, ids[0]});
    driver.advance(100'000);
}

}  // namespace

}  // namespace penstock::testing
