// What becomes of deliveries that fail: schedules, order, dead letters, redrive, quarantine, track.
#include "tests/core/commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::Failure;
using model::MessageId;
using model::Sequence;
using model::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

CoreDriver with_reader(const model::SubscriptionSpec& spec,
                       const model::QueueAttributes& morgue_has = {},
                       std::uint32_t drop_caches_every = 0) {
    CoreDriver driver = CoreDriver::data_set({drop_caches_every, 1});
    driver.done(make_topic(news));
    driver.done(make_queue(morgue, morgue_has));
    driver.done(make_subscription(first_reader, spec));
    return driver;
}

std::vector<core::DeadLetter> letters(const CoreDriver& driver) {
    return core::dead_letters(driver.rows(), morgue, 0, 1'000).items;
}

core::SubscriptionInfo info(const CoreDriver& driver) {
    return *core::subscription_info(driver.rows(), first_reader);
}

void fail(CoreDriver& driver, std::vector<Sequence> sequences) {
    settle(driver, first_reader, std::move(sequences), Verdict::retry);
}

TEST(Retry, BackoffTriesFourTimesTenToTwentySecondsApartThenDies) {
    CoreDriver driver = with_reader(http_spec(morgue, model::backoff_retry()));
    const auto ids = publish(driver, news);
    for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
        ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
        EXPECT_EQ(ready(driver, first_reader)[0].attempt, attempt);
        fail(driver, {1});
        const auto waiting = core::waiting_deliveries(driver.rows(), first_reader, 0, 10);
        ASSERT_THAT(waiting, SizeIs(1));
        EXPECT_EQ(waiting[0].attempts, attempt);
        EXPECT_EQ(waiting[0].status, 500U);
        EXPECT_GE(waiting[0].due_ms, driver.now_ms() + 10'000);
        EXPECT_LE(waiting[0].due_ms, driver.now_ms() + 20'000);
        driver.advance(9'999);
        EXPECT_THAT(ready(driver, first_reader), IsEmpty());
        driver.advance(10'001);
    }
    EXPECT_EQ(ready(driver, first_reader)[0].attempt, 4U);
    fail(driver, {1});
    ASSERT_THAT(letters(driver), SizeIs(1));
    const core::DeadLetter letter = letters(driver)[0];
    EXPECT_EQ(letter.message, ids[0]);
    EXPECT_EQ(letter.dead->attempts, 4U);
    EXPECT_EQ(letter.dead->failure, Failure::status);
    EXPECT_EQ(letter.dead->status, 500U);
    EXPECT_EQ(letter.dead->excerpt, "Internal Server Error");
    EXPECT_EQ(letter.dead->source, first_reader);
    EXPECT_EQ(letter.dead->first_logged_ms, CoreDriver::start_ms);
    EXPECT_EQ(info(driver).backlog, 0U);
    EXPECT_EQ(info(driver).waiting, 0U);
}

TEST(Retry, ExponentialPausesAreExact) {
    CoreDriver driver = with_reader(http_spec(morgue));
    publish(driver, news);
    std::uint32_t attempts = 0;
    model::TimeMs total_ms = 0;
    while (letters(driver).empty() && attempts < 200) {
        fail(driver, {1});
        ++attempts;
        const auto waiting = core::waiting_deliveries(driver.rows(), first_reader, 0, 10);
        if (waiting.empty()) break;
        const model::TimeMs pause_ms = waiting[0].due_ms - driver.now_ms();
        const model::TimeMs expected_ms = attempts <= 9 ? 1'000LL << (attempts - 1) : 512'000;
        ASSERT_EQ(pause_ms, expected_ms) << "retry " << attempts;
        total_ms += pause_ms;
        driver.advance(pause_ms);
    }
    EXPECT_EQ(attempts, 177U);
    EXPECT_EQ(total_ms, 86'015'000);
    ASSERT_THAT(letters(driver), SizeIs(1));
    EXPECT_EQ(letters(driver)[0].dead->attempts, 177U);
}

TEST(Retry, ACustomScheduleListensToTheReceiver) {
    CoreDriver driver = with_reader(http_spec(morgue, model::custom_retry({1'000, 2'000})));
    publish(driver, news, 2);
    model::Settle command{first_reader,
                          {outcome(1, Verdict::retry), outcome(2, Verdict::retry)},
                          model::no_ordinal,
                          0,
                          {}};
    command.items[0].retry_after_ms = 7'000;
    command.items[1].retry_after_ms = 500;
    driver.done(command);
    const auto waiting = core::waiting_deliveries(driver.rows(), first_reader, 0, 10);
    ASSERT_THAT(waiting, SizeIs(2));
    EXPECT_EQ(waiting[0].due_ms, driver.now_ms() + 7'000);
    EXPECT_EQ(waiting[1].due_ms, driver.now_ms() + 1'000);
}

TEST(Retry, AttemptNumbersGoOnAfterCachesAreLost) {
    CoreDriver driver = with_reader(http_spec(morgue), {}, 1);
    publish(driver, news);
    fail(driver, {1});
    driver.advance(1'000);
    fail(driver, {1});
    driver.advance(2'000);
    EXPECT_EQ(ready(driver, first_reader).at(0).attempt, 3U);
}

TEST(Retry, InOrderHoldsLaterMessagesBackWhileOneWaits) {
    CoreDriver driver = with_reader(http_spec(morgue, model::backoff_retry(10'000, 10'000)));
    publish(driver, news, 3);
    fail(driver, {1});
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    publish(driver, news);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    driver.advance(10'000);
    EXPECT_TRUE(driver.signalled_ready(first_reader));
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1));
    settle(driver, first_reader, {1}, Verdict::accepted);
    EXPECT_TRUE(driver.signalled_ready(first_reader));
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2, 3, 4));
}

TEST(Retry, InOrderOffersOnlyTheOldestOfSeveralFailing) {
    CoreDriver driver = with_reader(http_spec(morgue, model::backoff_retry(10'000, 10'000)));
    publish(driver, news, 4);
    fail(driver, {2});
    driver.advance(5'000);
    fail(driver, {1});
    driver.advance(5'000);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    driver.advance(5'000);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1));
    settle(driver, first_reader, {1}, Verdict::rejected);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2));
}

TEST(Retry, OutOfOrderDoesNotHoldOthersBack) {
    CoreDriver driver = with_reader(http_spec(morgue));
    publish(driver, news, 3);
    fail(driver, {1});
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2, 3));
    EXPECT_EQ(info(driver).backlog, 3U);
    EXPECT_EQ(info(driver).waiting, 1U);
    driver.advance(1'000);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1, 2, 3));
}

TEST(Retry, WhatWasNotAttemptedIsNotCounted) {
    CoreDriver driver = with_reader(http_spec(morgue, model::custom_retry({1'000})));
    publish(driver, news);
    for (int round = 0; round < 20; ++round) {
        EXPECT_EQ(ready(driver, first_reader).at(0).attempt, 1U);
        settle(driver, first_reader, {1}, Verdict::not_attempted);
        EXPECT_THAT(ready(driver, first_reader), IsEmpty());
        driver.advance(1'000);
    }
    fail(driver, {1});
    driver.advance(1'000);
    settle(driver, first_reader, {1}, Verdict::not_attempted);
    driver.advance(1'000);
    EXPECT_EQ(ready(driver, first_reader).at(0).attempt, 2U);
    EXPECT_THAT(letters(driver), IsEmpty());
}

TEST(Retry, ADeferralLastsAsLongAsItWishesButAtLeastASecond) {
    CoreDriver driver = with_reader(http_spec(morgue));
    publish(driver, news, 2);
    model::Settle command{first_reader,
                          {outcome(1, Verdict::not_attempted), outcome(2, Verdict::not_attempted)},
                          model::no_ordinal,
                          0,
                          {}};
    command.items[0].retry_after_ms = 5'000;
    driver.done(command);
    driver.advance(1'000);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2));
    driver.advance(4'000);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1, 2));
}

TEST(Dying, ARejectedDeliveryDiesAtOnce) {
    CoreDriver driver = with_reader(http_spec(morgue));
    publish(driver, news);
    settle(driver, first_reader, {1}, Verdict::rejected);
    ASSERT_THAT(letters(driver), SizeIs(1));
    EXPECT_EQ(letters(driver)[0].dead->attempts, 1U);
}

TEST(Dying, WithoutADeadLetterQueueIsCounted) {
    CoreDriver driver = with_reader(http_spec({}, model::custom_retry({})));
    publish(driver, news, 2);
    fail(driver, {1});
    settle(driver, first_reader, {2}, Verdict::rejected);
    EXPECT_EQ(info(driver).dropped, 2U);
    EXPECT_EQ(info(driver).backlog, 0U);
}

TEST(Dying, WaitsForRoomInTheDeadLetterQueue) {
    CoreDriver driver = with_reader(http_spec(morgue), holding(1));
    send(driver, morgue);
    const auto ids = publish(driver, news);
    settle(driver, first_reader, {1}, Verdict::rejected);
    driver.advance(60'000);
    EXPECT_THAT(letters(driver), SizeIs(1));
    EXPECT_EQ(info(driver).backlog, 1U);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    settle(driver, first_reader, {1}, Verdict::accepted);
    EXPECT_EQ(info(driver).backlog, 1U);
    driver.done(model::SetQueue{morgue, holding(9)});
    driver.advance(30'000);
    ASSERT_THAT(letters(driver), SizeIs(2));
    EXPECT_EQ(letters(driver)[1].message, ids[0]);
    EXPECT_EQ(info(driver).backlog, 0U);
}

TEST(RedriveToSubscription, BeginsAttemptsAnewAndHoldsTheBody) {
    CoreDriver driver = with_reader(http_spec(morgue, model::custom_retry({1'000})));
    const auto ids = publish(driver, news);
    fail(driver, {1});
    driver.advance(1'000);
    fail(driver, {1});
    ASSERT_THAT(letters(driver), SizeIs(1));
    EXPECT_EQ(driver.apply_as<model::Started>(model::Redrive{morgue, {}}).items, 1U);
    driver.advance(1'000);
    EXPECT_THAT(letters(driver), IsEmpty());
    driver.advance(86'500'000);
    EXPECT_EQ(driver.live_bodies(), 1U);
    const auto again = ready(driver, first_reader);
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(again[0].message, ids[0]);
    EXPECT_EQ(again[0].attempt, 1U);
    EXPECT_EQ(again[0].logged_ms, CoreDriver::start_ms);
    fail(driver, {again[0].sequence});
    driver.advance(1'000);
    EXPECT_EQ(ready(driver, first_reader).at(0).attempt, 2U);
    settle(driver, first_reader, {again[0].sequence}, Verdict::accepted);
    EXPECT_EQ(driver.live_bodies(), 0U);
    EXPECT_EQ(info(driver).waiting, 0U);
}

TEST(RedriveToSubscription, ThatFailsAgainDiesAgain) {
    CoreDriver driver = with_reader(http_spec(morgue));
    const auto ids = publish(driver, news, 2);
    settle(driver, first_reader, {1, 2}, Verdict::rejected);
    driver.apply_as<model::Started>(model::Redrive{morgue, {2}});
    driver.run_due();
    const auto again = ready(driver, first_reader);
    ASSERT_THAT(again, SizeIs(1));
    settle(driver, first_reader, {again[0].sequence}, Verdict::rejected);
    ASSERT_THAT(letters(driver), SizeIs(2));
    EXPECT_EQ(letters(driver)[1].message, ids[1]);
    EXPECT_EQ(letters(driver)[1].sequence, 3U);
    EXPECT_EQ(letters(driver)[1].dead->first_logged_ms, CoreDriver::start_ms);
}

TEST(RedriveToSubscription, ThatIsGoneLeavesTheLetter) {
    CoreDriver driver = with_reader(http_spec(morgue));
    publish(driver, news);
    settle(driver, first_reader, {1}, Verdict::rejected);
    driver.done(model::Unsubscribe{first_reader});
    driver.apply_as<model::Started>(model::Redrive{morgue, {}});
    driver.advance(1'000);
    EXPECT_THAT(letters(driver), SizeIs(1));
}

TEST(Unsubscribing, LetsGoOfRedrivenBodiesAndFailingDeliveries) {
    CoreDriver driver = with_reader(http_spec(morgue));
    publish(driver, news, 3);
    settle(driver, first_reader, {1, 2}, Verdict::rejected);
    fail(driver, {3});
    driver.apply_as<model::Started>(model::Redrive{morgue, {}});
    driver.run_due();
    driver.done(model::Unsubscribe{first_reader});
    EXPECT_FALSE(core::subscription_info(driver.rows(), first_reader).has_value());
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    driver.advance(86'500'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(Pausing, HandsOutNothingAndForgetsNothing) {
    model::SubscriptionSpec spec = http_spec(morgue);
    CoreDriver driver = with_reader(spec);
    publish(driver, news, 2);
    fail(driver, {1});
    spec.state = model::SubscriptionState::paused;
    driver.done(model::SetSubscription{first_reader, spec});
    driver.advance(5'000);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    spec.state = model::SubscriptionState::active;
    driver.done(model::SetSubscription{first_reader, spec});
    EXPECT_TRUE(driver.signalled_ready(first_reader));
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1, 2));
    EXPECT_EQ(ready(driver, first_reader)[0].attempt, 2U);
}

TEST(QuarantineOfADelivery, SettlesItAndChangesNothingTwice) {
    CoreDriver driver = with_reader(http_spec(morgue));
    const auto ids = publish(driver, news, 2);
    driver.done(model::Quarantine{first_reader, 1, ids[0]});
    driver.done(model::Quarantine{first_reader, 1, ids[0]});
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2));
    EXPECT_THAT(letters(driver), IsEmpty());
}

model::Settle tracked(Sequence sequence) {
    model::Settle command{first_reader, {outcome(sequence, Verdict::retry)}, 0, 1, {}};
    return command;
}

TEST(Track, RowsComeNewestFirstAndByPages) {
    CoreDriver driver = with_reader(http_spec(morgue));
    publish(driver, news, 3);
    std::vector<MessageId> attempts;
    for (const Sequence sequence : {1U, 2U, 3U}) {
        driver.done(tracked(sequence), {body(100)});
        attempts.emplace_back(model::first_data_set, driver.index(), 0);
    }
    const auto rows = core::track_rows(driver.rows(), first_reader, MessageId{}, 0, 2);
    ASSERT_THAT(rows, SizeIs(2));
    EXPECT_EQ(rows[0].attempts, attempts[2]);
    EXPECT_EQ(rows[0].first, 3U);
    EXPECT_EQ(rows[0].last, 3U);
    EXPECT_EQ(rows[0].count, 1U);
    EXPECT_EQ(rows[0].failed, 1U);
    EXPECT_EQ(rows[0].time_ms, driver.now_ms());
    const auto older = core::track_rows(driver.rows(), first_reader, rows[1].attempts, 0, 9);
    ASSERT_THAT(older, SizeIs(1));
    EXPECT_EQ(older[0].attempts, attempts[0]);
    EXPECT_THAT(core::track_rows(driver.rows(), first_reader, MessageId{}, attempts[1].index(), 9),
                SizeIs(2));
}

TEST(Track, AttemptsGoAfterTheirRetention) {
    CoreDriver driver = with_reader(http_spec());
    publish(driver, news, 2);
    driver.done(tracked(1), {body(100)});
    driver.advance(200'000'000);
    driver.done(tracked(2), {body(100)});
    driver.advance(59'200'000);
    EXPECT_THAT(core::track_rows(driver.rows(), first_reader, MessageId{}, 0, 9), SizeIs(1));
    EXPECT_EQ(driver.live_bodies(), 1U);
    driver.advance(260'000'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(Track, TheOldestAttemptsGoWhenTheyAreTooManyBytes) {
    CoreDriver driver = with_reader(http_spec(morgue));
    model::InitSet init;
    init.track_bytes_max = 250;
    driver.done(init);
    publish(driver, news, 4);
    for (const Sequence sequence : {1U, 2U, 3U, 4U}) {
        driver.done(tracked(sequence), {body(100)});
        driver.run_due();
    }
    const auto rows = core::track_rows(driver.rows(), first_reader, MessageId{}, 0, 9);
    ASSERT_THAT(rows, SizeIs(2));
    EXPECT_EQ(rows[0].first, 4U);
    EXPECT_EQ(driver.live_bodies(), 6U);
}

TEST(Track, AttemptsOfAnUnknownSubscriptionAreReleased) {
    CoreDriver driver = with_reader(http_spec(morgue));
    model::Settle command = tracked(1);
    command.subscription = second_reader;
    driver.done(command, {body(100)});
    EXPECT_EQ(driver.live_bodies(), 0U);
}

}  // namespace

}  // namespace penstock::testing
