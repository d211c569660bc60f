// The life of a queue's messages, from the contract of cmq-api.md section 3.
#include "tests/core/commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::MessageId;
using model::Reason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

CoreDriver with_orders(const model::QueueAttributes& attributes = {}) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders, attributes));
    driver.done(make_queue(others));
    return driver;
}

TEST(QueueFlow, AMessageIsSentReceivedAndDeleted) {
    CoreDriver driver = with_orders();
    const auto ids = send(driver, orders);
    ASSERT_THAT(ids, ElementsAre(MessageId(model::first_data_set, driver.index(), 0)));
    EXPECT_TRUE(driver.signalled_visible(orders));
    EXPECT_GT(core::receivable(driver.rows(), orders), 0U);
    const auto got = receive(driver, orders);
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].message, ids[0]);
    EXPECT_EQ(got[0].receives, 1U);
    EXPECT_EQ(got[0].enqueued_ms, CoreDriver::start_ms);
    EXPECT_EQ(got[0].first_leased_ms, CoreDriver::start_ms);
    EXPECT_EQ(got[0].next_visible_ms, CoreDriver::start_ms + 30'000);
    EXPECT_EQ(core::receivable(driver.rows(), orders), 0U);
    EXPECT_TRUE(remove(driver, orders, got[0].receipt));
    driver.advance(100);
    EXPECT_EQ(driver.released().count(ids[0]), 1U);
    driver.advance(60'000);
    EXPECT_THAT(receive(driver, orders), IsEmpty());
}

TEST(QueueFlow, MessagesAreReceivedInTheOrderSent) {
    CoreDriver driver = with_orders();
    const auto one = send(driver, orders, 3);
    const auto two = send(driver, orders, 2);
    const auto got = receive(driver, orders, 16);
    ASSERT_THAT(got, SizeIs(5));
    EXPECT_EQ(got[0].message, one[0]);
    EXPECT_EQ(got[2].message, one[2]);
    EXPECT_EQ(got[3].message, two[0]);
    EXPECT_EQ(got[4].sequence, 5U);
}

TEST(QueueFlow, ALeaseThatEndsMakesTheMessageVisibleWithANewReceipt) {
    CoreDriver driver = with_orders();
    send(driver, orders);
    const auto first = receive(driver, orders);
    driver.advance(29'999);
    EXPECT_THAT(receive(driver, orders), IsEmpty());
    driver.advance(1);
    EXPECT_TRUE(driver.signalled_visible(orders));
    const auto second = receive(driver, orders);
    ASSERT_THAT(second, SizeIs(1));
    EXPECT_EQ(second[0].message, first[0].message);
    EXPECT_EQ(second[0].receives, 2U);
    EXPECT_EQ(second[0].first_leased_ms, CoreDriver::start_ms);
    EXPECT_NE(second[0].receipt, first[0].receipt);
    EXPECT_FALSE(remove(driver, orders, first[0].receipt));
    EXPECT_TRUE(remove(driver, orders, second[0].receipt));
}

TEST(QueueFlow, AReceiptIsInvalidOnceItsLeaseHasEndedEvenBeforeATick) {
    CoreDriver driver = with_orders();
    send(driver, orders);
    const auto got = receive(driver, orders);
    driver.skip(30'000);
    EXPECT_FALSE(remove(driver, orders, got[0].receipt));
    EXPECT_EQ(driver.refused(model::ChangeVisibility{orders, got[0].receipt, 1'000}),
              Reason::receipt_invalid);
}

TEST(QueueFlow, AReceiptOfAnotherQueueIsRefused) {
    CoreDriver driver = with_orders();
    send(driver, orders);
    send(driver, others);
    const auto mine = receive(driver, orders);
    receive(driver, others);
    EXPECT_FALSE(remove(driver, others, mine[0].receipt));
    EXPECT_TRUE(remove(driver, orders, mine[0].receipt));
}

TEST(QueueFlow, GuessedReceiptsAreRefused) {
    CoreDriver driver = with_orders();
    send(driver, orders, 16);
    const auto got = receive(driver, orders, 16);
    model::DeleteMessages guesses{orders, {}};
    for (std::uint64_t guess = 0; guess < 2'000; ++guess) {
        guesses.receipts.emplace_back(guess << 12);
        guesses.receipts.emplace_back((std::uint64_t{1} << 24) + guess);
        guesses.receipts.emplace_back(got[0].receipt.value + 1 + guess);
    }
    const auto reply = driver.apply_as<model::Deleted>(guesses);
    EXPECT_THAT(reply.removed, ::testing::Each(false));
    EXPECT_EQ(counts(driver, orders).inactive, 16U);
}

TEST(QueueFlow, AMessageCanBeDeletedOnlyOnce) {
    CoreDriver driver = with_orders();
    send(driver, orders);
    const auto got = receive(driver, orders);
    const model::DeleteMessages twice{orders, {got[0].receipt, got[0].receipt}};
    EXPECT_THAT(driver.apply_as<model::Deleted>(twice).removed, ElementsAre(true, false));
    EXPECT_FALSE(remove(driver, orders, got[0].receipt));
}

TEST(QueueFlow, ABatchOfReceiptsIsJudgedOneByOne) {
    CoreDriver driver = with_orders();
    send(driver, orders, 3);
    const auto got = receive(driver, orders, 3);
    remove(driver, orders, got[1].receipt);
    const model::DeleteMessages all{orders, {got[0].receipt, got[1].receipt, got[2].receipt}};
    EXPECT_THAT(driver.apply_as<model::Deleted>(all).removed, ElementsAre(true, false, true));
    EXPECT_EQ(counts(driver, orders).inactive, 0U);
}

TEST(QueueFlow, VisibilityMayBeProlongedAndShortened) {
    CoreDriver driver = with_orders();
    send(driver, orders, 2);
    const auto got = receive(driver, orders, 2);
    driver.done(model::ChangeVisibility{orders, got[0].receipt, 90'000});
    driver.done(model::ChangeVisibility{orders, got[1].receipt, 5'000});
    driver.advance(5'000);
    const auto again = receive(driver, orders, 16);
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(again[0].message, got[1].message);
    driver.advance(30'000);
    EXPECT_TRUE(remove(driver, orders, got[0].receipt));
}

TEST(QueueFlow, VisibilityZeroMakesTheMessageVisibleAtOnce) {
    CoreDriver driver = with_orders();
    send(driver, orders);
    const auto got = receive(driver, orders);
    driver.done(model::ChangeVisibility{orders, got[0].receipt, 0});
    EXPECT_TRUE(driver.signalled_visible(orders));
    EXPECT_FALSE(remove(driver, orders, got[0].receipt));
    EXPECT_EQ(receive(driver, orders).at(0).receives, 2U);
}

TEST(QueueFlow, WhatIsGivenBackWasNotReceivedAndComesAgainAfterItsPause) {
    CoreDriver driver = with_orders();
    send(driver, orders, 3);
    const auto got = receive(driver, orders, 2);
    ASSERT_THAT(got, SizeIs(2));
    // Named twice: it is given back once.
    const model::GiveBack both{orders, {got[0].receipt, got[1].receipt, got[0].receipt}, 1'000};
    driver.done(both);
    EXPECT_EQ(counts(driver, orders).inactive, 2U);
    EXPECT_FALSE(remove(driver, orders, got[0].receipt)) << "its receipt is good for nothing";
    driver.done(both);
    EXPECT_THAT(receive(driver, orders, 16), SizeIs(1)) << "others flow meanwhile";
    driver.advance(999);
    EXPECT_THAT(receive(driver, orders, 16), IsEmpty());
    driver.advance(1);
    EXPECT_TRUE(driver.signalled_visible(orders));
    const auto again = receive(driver, orders, 16);
    ASSERT_THAT(again, SizeIs(2));
    EXPECT_EQ(again[0].message, got[0].message);
    EXPECT_EQ(again[0].receives, 1U);
    EXPECT_EQ(again[0].first_leased_ms, CoreDriver::start_ms + 1'000);
    EXPECT_NE(again[0].receipt, got[0].receipt);
    EXPECT_TRUE(remove(driver, orders, again[0].receipt));
    driver.advance(30'000);
    const auto third = receive(driver, orders, 16);
    ASSERT_THAT(third, SizeIs(2));
    EXPECT_EQ(third[0].receives, 2U);
    driver.done(model::GiveBack{orders, {third[0].receipt}, 0});
    driver.run_due();
    const auto last = receive(driver, orders, 16);
    ASSERT_THAT(last, SizeIs(1)) << "without a pause at once";
    EXPECT_EQ(last[0].receives, 2U) << "what was received before still counts";
    EXPECT_EQ(last[0].first_leased_ms, CoreDriver::start_ms + 1'000);
}

TEST(QueueFlow, ALeaseMayHaveItsOwnVisibility) {
    CoreDriver driver = with_orders();
    send(driver, orders);
    EXPECT_EQ(receive(driver, orders, 1, 1'000).at(0).next_visible_ms,
              CoreDriver::start_ms + 1'000);
    driver.advance(1'000);
    EXPECT_THAT(receive(driver, orders), SizeIs(1));
}

TEST(QueueFlow, AMessageVisibleAgainComesBeforeFreshOnes) {
    CoreDriver driver = with_orders();
    send(driver, orders, 3);
    const auto got = receive(driver, orders, 2, 1'000);
    driver.advance(1'000);
    const auto again = receive(driver, orders, 16);
    ASSERT_THAT(again, SizeIs(3));
    EXPECT_EQ(again[0].message, got[0].message);
    EXPECT_EQ(again[1].message, got[1].message);
    EXPECT_EQ(again[2].receives, 1U);
}

TEST(QueueFlow, ADelayedMessageHasItsIdAtOnceAndItsSequenceWhenVisible) {
    CoreDriver driver = with_orders();
    const auto delayed = send(driver, orders, 2, 10'000);
    EXPECT_EQ(delayed[1], MessageId(model::first_data_set, driver.index(), 1));
    EXPECT_EQ(counts(driver, orders).delayed, 2U);
    EXPECT_EQ(counts(driver, orders).active, 0U);
    driver.advance(5'000);
    const auto prompt = send(driver, orders);
    driver.advance(5'000);
    EXPECT_TRUE(driver.signalled_visible(orders));
    const auto got = receive(driver, orders, 16);
    ASSERT_THAT(got, SizeIs(3));
    EXPECT_EQ(got[0].message, prompt[0]);
    EXPECT_EQ(got[1].message, delayed[0]);
    EXPECT_EQ(got[1].sequence, 2U);
    EXPECT_EQ(got[2].message, delayed[1]);
}

TEST(QueueFlow, ADelayedMessageShowsWhenItWasSentButAgesFromWhenItIsVisible) {
    model::QueueAttributes attributes;
    attributes.retention_s = 60;
    CoreDriver driver = with_orders(attributes);
    send(driver, orders, 1, 50'000);
    driver.advance(50'000);
    driver.advance(55'000);
    const auto got = receive(driver, orders);
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].enqueued_ms, CoreDriver::start_ms);
}

TEST(QueueFlow, AFullQueueRefusesAndTakesAgainAfterADelete) {
    CoreDriver driver = with_orders(holding(3));
    send(driver, orders, 1, 60'000);
    send(driver, orders, 2);
    EXPECT_EQ(driver.refused(make_send(orders), bodies(1)), Reason::queue_full);
    EXPECT_EQ(driver.released().count(MessageId(model::first_data_set, driver.index(), 0)), 1U);
    const auto got = receive(driver, orders);
    EXPECT_EQ(driver.refused(make_send(orders), bodies(1)), Reason::queue_full);
    remove(driver, orders, got[0].receipt);
    send(driver, orders);
    EXPECT_EQ(driver.refused(make_send(orders), bodies(1)), Reason::queue_full);
}

TEST(QueueFlow, ABatchThatDoesNotFitIsRefusedAsAWhole) {
    CoreDriver driver = with_orders(holding(3));
    send(driver, orders, 2);
    EXPECT_EQ(driver.refused(make_send(orders, 2), bodies(2)), Reason::queue_full);
    EXPECT_EQ(counts(driver, orders).active, 2U);
}

TEST(QueueFlow, EmptyAndTooLargeBodiesAreRefused) {
    model::QueueAttributes attributes;
    attributes.message_bytes_max = 1'024;
    CoreDriver driver = with_orders(attributes);
    EXPECT_EQ(driver.refused(make_send(orders), {body(0)}), Reason::body_empty);
    EXPECT_EQ(driver.refused(make_send(orders), {body(1'025)}), Reason::body_too_large);
    EXPECT_EQ(driver.refused(make_send(orders, 2), {body(1'024), body(1'025)}),
              Reason::body_too_large);
    EXPECT_EQ(driver.live_bodies(), 0U);
    driver.apply_as<model::Sent>(make_send(orders), {body(1'024)});
}

TEST(QueueFlow, CommandsForAQueueThatIsNotThereAreRefused) {
    CoreDriver driver = CoreDriver::data_set();
    EXPECT_EQ(driver.refused(make_send(orders), bodies(1)), Reason::queue_not_found);
    EXPECT_EQ(driver.refused(model::Lease{orders, 1, 0}), Reason::queue_not_found);
    EXPECT_EQ(driver.refused(model::DeleteMessages{orders, {}}), Reason::queue_not_found);
    EXPECT_EQ(driver.refused(model::ChangeVisibility{orders, {}, 0}), Reason::queue_not_found);
    EXPECT_EQ(driver.refused(model::GiveBack{orders, {}, 0}), Reason::queue_not_found);
    EXPECT_EQ(driver.refused(model::DeleteQueue{orders}), Reason::queue_not_found);
    EXPECT_EQ(driver.refused(model::ClearQueue{orders}), Reason::queue_not_found);
    EXPECT_EQ(driver.refused(model::RewindQueue{orders, 0}), Reason::queue_not_found);
    EXPECT_EQ(driver.refused(model::SetQueue{orders, {}}), Reason::queue_not_found);
    EXPECT_EQ(driver.refused(model::Redrive{orders, {}}), Reason::queue_not_found);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(QueueFlow, APausedQueueTakesMessagesButGivesNone) {
    model::QueueAttributes attributes;
    attributes.paused = true;
    CoreDriver driver = with_orders(attributes);
    send(driver, orders);
    EXPECT_EQ(core::receivable(driver.rows(), orders), 0U);
    EXPECT_THAT(receive(driver, orders), IsEmpty());
    attributes.paused = false;
    driver.done(model::SetQueue{orders, attributes});
    EXPECT_TRUE(driver.signalled_visible(orders));
    EXPECT_THAT(receive(driver, orders), SizeIs(1));
}

TEST(QueueFlow, CountsTellVisibleLeasedDelayedAndTheOldest) {
    CoreDriver driver = with_orders();
    send(driver, orders, 3);
    driver.advance(1'000);
    send(driver, orders, 2, 60'000);
    const auto got = receive(driver, orders);
    EXPECT_EQ(counts(driver, orders).active, 2U);
    EXPECT_EQ(counts(driver, orders).inactive, 1U);
    EXPECT_EQ(counts(driver, orders).delayed, 2U);
    EXPECT_EQ(counts(driver, orders).oldest_ms, CoreDriver::start_ms);
    EXPECT_EQ(counts(driver, others).oldest_ms, 0);
}

TEST(QueueFlow, SeveralCommandsOfOneEntrySeeEachOther) {
    CoreDriver driver = with_orders();
    model::Send two = make_send(orders, 1);
    two.first_ordinal = 1;
    const auto replies = driver.apply(
        {make_send(orders), two, model::Lease{orders, 16, 0}, model::Lease{orders, 16, 0}},
        bodies(2));
    EXPECT_THAT(std::get<model::Leased>(replies[2]).messages, SizeIs(2));
    EXPECT_THAT(std::get<model::Leased>(replies[3]).messages, IsEmpty());
}

}  // namespace

}  // namespace penstock::testing
