// How messages leave a queue's log and how they come back: retention, rewind, clear, delete.
#include "tests/core/commands.h"
#include "tests/support/core_invariants.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::MessageId;
using model::Reason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr model::TimeMs start = CoreDriver::start_ms;

CoreDriver with_orders(const model::QueueAttributes& attributes) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders, attributes));
    return driver;
}

std::vector<MessageId> ids_of(const std::vector<model::LeasedMessage>& messages) {
    std::vector<MessageId> ids;
    for (const model::LeasedMessage& message : messages) ids.push_back(message.message);
    return ids;
}

void remove_all(CoreDriver& driver, const std::vector<model::LeasedMessage>& messages) {
    for (const model::LeasedMessage& message : messages) {
        EXPECT_TRUE(remove(driver, orders, message.receipt));
    }
}

TEST(Retention, AVisibleMessageExpiresAtItsRetention) {
    CoreDriver driver = with_orders(with_rewind(0, 60));
    const auto old = send(driver, orders);
    driver.advance(30'000);
    const auto young = send(driver, orders);
    driver.advance(29'999);
    EXPECT_EQ(counts(driver, orders).active, 2U);
    driver.advance(2'000);
    EXPECT_EQ(counts(driver, orders).active, 1U);
    EXPECT_EQ(driver.released().count(old[0]), 1U);
    EXPECT_EQ(ids_of(receive(driver, orders, 16)), young);
}

TEST(Retention, ALeasedMessageExpiresAndItsReceiptStaysHarmless) {
    CoreDriver driver = with_orders(with_rewind(0, 60));
    send(driver, orders, 2);
    const auto got = receive(driver, orders, 2, 120'000);
    driver.advance(61'500);
    EXPECT_EQ(driver.live_bodies(), 0U);
    remove(driver, orders, got[0].receipt);
    driver.advance(60'000);
    EXPECT_THAT(receive(driver, orders, 16), IsEmpty());
    EXPECT_EQ(counts(driver, orders).inactive, 0U);
}

TEST(Retention, AMessageVisibleAgainExpires) {
    CoreDriver driver = with_orders(with_rewind(0, 60));
    send(driver, orders, 3);
    receive(driver, orders, 2, 1'000);
    driver.advance(1'000);
    receive(driver, orders, 1, 100'000);
    driver.advance(61'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
    driver.advance(100'000);
    EXPECT_EQ(counts(driver, orders).active, 0U);
    EXPECT_EQ(counts(driver, orders).inactive, 0U);
}

TEST(Retention, ADelayedMessageAgesFromWhenItBecomesVisible) {
    CoreDriver driver = with_orders(with_rewind(0, 60));
    send(driver, orders, 1, 300'000);
    driver.advance(350'000);
    EXPECT_EQ(counts(driver, orders).active, 1U);
    driver.advance(12'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(Retention, AShorterRetentionTakesEffectAtOnce) {
    CoreDriver driver = with_orders(with_rewind(0, 3'600));
    send(driver, orders);
    driver.advance(120'000);
    driver.done(model::SetQueue{orders, with_rewind(0, 60)});
    driver.advance(200);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(Retention, RewindMayNotExceedIt) {
    CoreDriver driver = CoreDriver::data_set();
    EXPECT_EQ(driver.refused(make_queue(orders, with_rewind(61, 60))),
              Reason::rewind_exceeds_retention);
    driver.done(make_queue(orders, with_rewind(60, 60)));
    EXPECT_EQ(driver.refused(model::SetQueue{orders, with_rewind(61, 60)}),
              Reason::rewind_exceeds_retention);
}

TEST(Rewind, IsRefusedWhileItIsOff) {
    CoreDriver driver = with_orders(with_rewind(0));
    EXPECT_EQ(driver.refused(model::RewindQueue{orders, start}), Reason::rewind_disabled);
}

TEST(Rewind, BringsDeletedMessagesBackInTheOrderOfProduction) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    const auto first = send(driver, orders);
    driver.advance(1'000);
    const auto second = send(driver, orders, 2);
    driver.advance(1'000);
    auto got = receive(driver, orders, 16);
    std::swap(got[0], got[2]);
    remove_all(driver, got);
    EXPECT_EQ(counts(driver, orders).rewindable, 3U);
    driver.done(model::RewindQueue{orders, start});
    EXPECT_TRUE(driver.signalled_visible(orders));
    const auto again = receive(driver, orders, 16);
    EXPECT_THAT(ids_of(again), ElementsAre(first[0], second[0], second[1]));
    EXPECT_THAT(again[0].receives, 1U);
    EXPECT_EQ(again[0].first_leased_ms, start + 2'000);
}

TEST(Rewind, GoesToATimeNotToTheBeginning) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    send(driver, orders);
    driver.advance(1'000);
    const auto second = send(driver, orders, 2);
    remove_all(driver, receive(driver, orders, 16));
    driver.done(model::RewindQueue{orders, start + 1});
    EXPECT_EQ(ids_of(receive(driver, orders, 16)), second);
}

TEST(Rewind, OutsideItsWindowIsRefused) {
    CoreDriver driver = with_orders(with_rewind(60));
    send(driver, orders);
    driver.advance(30'000);
    remove_all(driver, receive(driver, orders));
    EXPECT_EQ(driver.refused(model::RewindQueue{orders, start - 30'001}),
              Reason::rewind_time_invalid);
    EXPECT_EQ(driver.refused(model::RewindQueue{orders, start + 30'001}),
              Reason::rewind_time_invalid);
    driver.done(model::RewindQueue{orders, start - 30'000});
    EXPECT_THAT(receive(driver, orders), SizeIs(1));
}

TEST(Rewind, CannotSkipForwardIntoMessagesThatWait) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    send(driver, orders);
    driver.advance(10'000);
    send(driver, orders);
    EXPECT_EQ(driver.refused(model::RewindQueue{orders, start + 10'000}),
              Reason::rewind_time_invalid);
    driver.done(model::RewindQueue{orders, start});
    EXPECT_THAT(receive(driver, orders, 16), SizeIs(2));
}

TEST(Rewind, MakesOldReceiptsInvalid) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    send(driver, orders);
    const auto before = receive(driver, orders);
    driver.done(model::RewindQueue{orders, start});
    EXPECT_FALSE(remove(driver, orders, before[0].receipt));
    const auto after = receive(driver, orders);
    EXPECT_FALSE(remove(driver, orders, before[0].receipt));
    EXPECT_TRUE(remove(driver, orders, after[0].receipt));
    driver.advance(120'000);
    EXPECT_THAT(receive(driver, orders), IsEmpty());
}

TEST(Rewind, KeepsDeletedMessagesForItsWindowOnly) {
    CoreDriver driver = with_orders(with_rewind(60));
    send(driver, orders, 2);
    driver.advance(20'000);
    remove_all(driver, receive(driver, orders, 2));
    driver.advance(39'000);
    EXPECT_EQ(counts(driver, orders).rewindable, 2U);
    EXPECT_EQ(driver.live_bodies(), 2U);
    driver.advance(3'000);
    EXPECT_EQ(counts(driver, orders).rewindable, 0U);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

// The timer that fires while nothing is consumed waits for the retention of four days.
TEST(Rewind, KeepsABacklogThatIsConsumedLateForItsWindowOnly) {
    CoreDriver driver = with_orders(with_rewind(60));
    send(driver, orders, 2);
    driver.advance(90'000);
    remove_all(driver, receive(driver, orders, 2));
    driver.advance(30'000);
    send(driver, orders);
    driver.advance(29'000);
    EXPECT_EQ(driver.live_bodies(), 3U);
    driver.advance(3'000);
    EXPECT_EQ(counts(driver, orders).rewindable, 0U);
    EXPECT_EQ(driver.live_bodies(), 1U);
    driver.advance(120'000);
    remove_all(driver, receive(driver, orders));
    driver.advance(62'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

// Replicas of which some run a build of before come to the same rows.
TEST(Rewind, KeepsSuchABacklogAsBeforeUntilAllReplicasKnowBetter) {
    CoreDriver::Options options;
    options.level = model::own_rate_level;
    CoreDriver driver = CoreDriver::data_set(options);
    driver.done(make_queue(orders, with_rewind(60, 600)));
    send(driver, orders, 2);
    driver.advance(90'000);
    remove_all(driver, receive(driver, orders, 2));
    driver.advance(300'000);
    EXPECT_EQ(driver.live_bodies(), 2U);
    driver.advance(300'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(Rewind, SwitchedOffDropsWhatWasKeptForIt) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    send(driver, orders, 2);
    send(driver, orders);
    remove_all(driver, receive(driver, orders, 2));
    driver.advance(1'000);
    EXPECT_EQ(driver.live_bodies(), 3U);
    driver.done(model::SetQueue{orders, with_rewind(0)});
    EXPECT_EQ(counts(driver, orders).rewindable, 0U);
    driver.advance(1'000);
    EXPECT_EQ(driver.live_bodies(), 1U);
    EXPECT_THAT(receive(driver, orders, 16), SizeIs(1));
}

TEST(Rewind, BringsNothingBackThatWasDeletedWhileItWasOff) {
    CoreDriver driver = with_orders(with_rewind(0));
    const auto sent = send(driver, orders, 3);
    const auto got = receive(driver, orders, 3);
    EXPECT_TRUE(remove(driver, orders, got[1].receipt));
    driver.done(model::SetQueue{orders, with_rewind(3'600)});
    EXPECT_TRUE(remove(driver, orders, got[2].receipt));
    for (int round = 0; round < 2; ++round) {
        driver.done(model::RewindQueue{orders, start});
        EXPECT_EQ(counts(driver, orders).active, 2U);
        const auto again = receive(driver, orders, 16);
        EXPECT_THAT(ids_of(again), ElementsAre(sent[0], sent[2]));
        remove_all(driver, again);
    }
}

TEST(Rewind, SwitchedOffAndOnBringsNothingBackThatWasDeletedBefore) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    const auto sent = send(driver, orders, 3);
    EXPECT_TRUE(remove(driver, orders, receive(driver, orders, 3)[1].receipt));
    driver.done(model::SetQueue{orders, with_rewind(0)});
    driver.done(model::SetQueue{orders, with_rewind(3'600)});
    driver.done(model::RewindQueue{orders, start});
    EXPECT_THAT(ids_of(receive(driver, orders, 16)), ElementsAre(sent[0], sent[2]));
}

TEST(Rewind, WithAWiderWindowBringsNothingBackThatHadLeftTheOldOne) {
    CoreDriver driver = with_orders(with_rewind(60));
    const auto old = send(driver, orders, 2);
    driver.advance(60'000);
    const auto young = send(driver, orders, 2);
    const auto got = receive(driver, orders, 4, 600'000);
    EXPECT_TRUE(remove(driver, orders, got[1].receipt));
    EXPECT_TRUE(remove(driver, orders, got[3].receipt));
    driver.done(model::SetQueue{orders, with_rewind(3'600)});
    driver.done(model::RewindQueue{orders, start});
    EXPECT_THAT(ids_of(receive(driver, orders, 16)), ElementsAre(old[0], young[0], young[1]));
}

TEST(Rewind, WithAWiderWindowFindsNothingOfABatchThatHadLeftTheOldOne) {
    CoreDriver driver = with_orders(with_rewind(60));
    const auto sent = send(driver, orders, 2);
    driver.advance(60'000);
    remove_all(driver, receive(driver, orders));
    driver.done(model::SetQueue{orders, with_rewind(3'600)});
    driver.done(model::RewindQueue{orders, start});
    EXPECT_THAT(ids_of(receive(driver, orders, 16)), ElementsAre(sent[1]));
}

TEST(Rewind, MayBeginAtWhatIsGone) {
    CoreDriver driver = with_orders(with_rewind(0));
    send(driver, orders);
    driver.advance(1'000);
    send(driver, orders, 2);
    driver.advance(1'000);
    const auto last = send(driver, orders);
    const auto got = receive(driver, orders, 4);
    remove_all(driver, {got[1], got[2]});
    driver.done(model::SetQueue{orders, with_rewind(3'600)});
    remove_all(driver, {got[3], got[0]});
    driver.done(model::RewindQueue{orders, start + 1'000});
    EXPECT_EQ(counts(driver, orders).active, 1U);
    EXPECT_EQ(ids_of(receive(driver, orders, 16)), last);
}

TEST(Rewind, ForgetsWhatIsGoneWhenTheLogHasLetGoOfIt) {
    CoreDriver::Options options;
    options.check_invariants_every = 0;
    CoreDriver driver = CoreDriver::data_set(options);
    driver.done(make_queue(orders, with_rewind(0)));
    const auto gone_rows = [&driver] {
        std::size_t count = 0;
        driver.rows().scan("D", "E", [&](auto, auto) { return ++count > 0; });
        return count;
    };
    for (int entry = 0; entry < 10; ++entry) send(driver, orders, 500);
    const auto got = receive(driver, orders, 5'000, 600'000);
    remove_all(driver, {got[1], got[4'998]});
    driver.done(model::SetQueue{orders, with_rewind(60)});
    EXPECT_EQ(gone_rows(), 2U);
    driver.done(model::RewindQueue{orders, start});
    EXPECT_EQ(counts(driver, orders).active, 4'998U);
    driver.check_invariants();
    remove_all(driver, receive(driver, orders, 5'000, 600'000));
    driver.advance(62'000);
    EXPECT_EQ(gone_rows(), 1U);  // of the block that later messages will share
    driver.check_invariants();
    driver.done(model::DeleteQueue{orders});
    EXPECT_EQ(gone_rows(), 0U);
}

TEST(Rewind, MayBeRepeated) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    send(driver, orders, 5);
    for (int round = 0; round < 3; ++round) {
        auto got = receive(driver, orders, 16);
        ASSERT_THAT(got, SizeIs(5));
        std::swap(got[1], got[3]);
        remove_all(driver, got);
        driver.done(model::RewindQueue{orders, start});
    }
    EXPECT_EQ(counts(driver, orders).active, 5U);
}

TEST(Clear, HidesEverythingAtOnceAndReleasesItLater) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    send(driver, orders, 4);
    send(driver, orders, 2, 60'000);
    const auto got = receive(driver, orders, 2);
    remove(driver, orders, got[0].receipt);
    driver.done(model::ClearQueue{orders});
    EXPECT_EQ(counts(driver, orders).active, 0U);
    EXPECT_EQ(counts(driver, orders).inactive, 0U);
    EXPECT_EQ(counts(driver, orders).delayed, 0U);
    EXPECT_EQ(counts(driver, orders).rewindable, 0U);
    EXPECT_FALSE(remove(driver, orders, got[1].receipt));
    const auto fresh = send(driver, orders);
    driver.advance(200);
    EXPECT_EQ(driver.live_bodies(), 3U);
    driver.advance(60'000);
    EXPECT_EQ(driver.live_bodies(), 1U);
    EXPECT_EQ(ids_of(receive(driver, orders, 16)), fresh);
}

TEST(Clear, CannotBeRewoundOver) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    send(driver, orders, 4);
    driver.done(model::ClearQueue{orders});
    driver.done(model::RewindQueue{orders, start});
    EXPECT_THAT(receive(driver, orders, 16), IsEmpty());
}

TEST(Clear, AndSendInOneEntryKeepWhatWasSentAfterIt) {
    CoreDriver driver = with_orders({});
    send(driver, orders, 2);
    model::Send before = make_send(orders);
    model::Send after = make_send(orders);
    after.first_ordinal = 1;
    driver.apply({model::Lease{orders, 1, 0}, before, model::ClearQueue{orders}, after}, bodies(2));
    driver.check_invariants();
    const auto got = receive(driver, orders, 16);
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].message.ordinal(), 1U);
    driver.advance(1'000);
    EXPECT_EQ(driver.live_bodies(), 1U);
}

TEST(DeleteQueue, ReleasesEveryBodyAndLeavesNoRow) {
    CoreDriver driver = with_orders(with_rewind(3'600));
    send(driver, orders, 400);
    send(driver, orders, 2, 60'000);
    send(driver, orders, 3, 120'000);
    driver.apply_as<model::Sent>(make_send(orders, 1, 0, "key"), bodies(1));
    remove_all(driver, receive(driver, orders, 16));
    receive(driver, orders, 16);
    driver.done(model::DeleteQueue{orders});
    EXPECT_TRUE(driver.signalled_visible(orders));
    EXPECT_FALSE(core::queue_info(driver.rows(), orders).has_value());
    EXPECT_EQ(driver.refused(model::Lease{orders, 1, 0}), Reason::queue_not_found);
    driver.advance(1'000);
    EXPECT_EQ(driver.live_bodies(), 5U);
    driver.advance(1'000'000'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
    EXPECT_THAT(object_rows(driver.rows()), IsEmpty());
}

TEST(DeleteQueue, WithMoreThanOneEntryReclaimsLeavesNothingThoughADelayEndsMeanwhile) {
    CoreDriver driver = with_orders({});
    for (int round = 0; round < 10; ++round) send(driver, orders, 512);
    send(driver, orders, 1, 101);
    driver.done(model::DeleteQueue{orders});
    driver.skip(200);
    driver.run_due();
    EXPECT_EQ(driver.live_bodies(), 0U);
    driver.advance(1'000'000'000);
    EXPECT_THAT(object_rows(driver.rows()), IsEmpty());
}

TEST(Dedup, TheSameKeyGivesTheFirstIdsWithinTheWindow) {
    CoreDriver driver = with_orders({});
    const auto first = driver.apply_as<model::Sent>(make_send(orders, 2, 0, "a"), bodies(2));
    EXPECT_FALSE(first.repeated);
    driver.advance(599'000);
    const auto again = driver.apply_as<model::Sent>(make_send(orders, 2, 0, "a"), bodies(2));
    EXPECT_TRUE(again.repeated);
    EXPECT_EQ(again.ids, first.ids);
    EXPECT_EQ(counts(driver, orders).active, 2U);
    EXPECT_EQ(driver.live_bodies(), 2U);
    const auto other = driver.apply_as<model::Sent>(make_send(orders, 1, 0, "b"), bodies(1));
    EXPECT_FALSE(other.repeated);
}

TEST(Dedup, OutlivesTheMessageAndAClear) {
    CoreDriver driver = with_orders({});
    const auto first = driver.apply_as<model::Sent>(make_send(orders, 1, 0, "a"), bodies(1));
    remove_all(driver, receive(driver, orders));
    driver.done(model::ClearQueue{orders});
    driver.advance(10'000);
    const auto again = driver.apply_as<model::Sent>(make_send(orders, 1, 0, "a"), bodies(1));
    EXPECT_EQ(again.ids, first.ids);
    EXPECT_THAT(receive(driver, orders), IsEmpty());
}

TEST(Dedup, EndsAfterTenMinutesFromTheFirstSend) {
    CoreDriver driver = with_orders({});
    driver.apply_as<model::Sent>(make_send(orders, 1, 0, "a"), bodies(1));
    driver.advance(300'000);
    driver.apply_as<model::Sent>(make_send(orders, 1, 0, "a"), bodies(1));
    driver.advance(300'000);
    const auto fresh = driver.apply_as<model::Sent>(make_send(orders, 1, 0, "a"), bodies(1));
    EXPECT_FALSE(fresh.repeated);
    driver.advance(1'000);
    EXPECT_TRUE(driver.apply_as<model::Sent>(make_send(orders, 1, 0, "a"), bodies(1)).repeated);
}

TEST(Dedup, AnEmptyKeyIsNone) {
    CoreDriver driver = with_orders({});
    driver.apply_as<model::Sent>(make_send(orders), bodies(1));
    EXPECT_FALSE(driver.apply_as<model::Sent>(make_send(orders), bodies(1)).repeated);
    EXPECT_EQ(counts(driver, orders).active, 2U);
}

TEST(Dedup, ARefusedSendRemembersNothing) {
    CoreDriver driver = with_orders(holding(1));
    send(driver, orders);
    EXPECT_EQ(driver.refused(make_send(orders, 1, 0, "a"), bodies(1)), Reason::queue_full);
    driver.done(model::ClearQueue{orders});
    EXPECT_FALSE(driver.apply_as<model::Sent>(make_send(orders, 1, 0, "a"), bodies(1)).repeated);
}

TEST(Dedup, CoversDelayedAndPublishedMessages) {
    CoreDriver driver = with_orders({});
    driver.done(make_topic(news));
    const auto sent = driver.apply_as<model::Sent>(make_send(orders, 1, 5'000, "a"), bodies(1));
    EXPECT_EQ(driver.apply_as<model::Sent>(make_send(orders, 1, 5'000, "a"), bodies(1)).ids,
              sent.ids);
    const auto published = driver.apply_as<model::Sent>(make_publish(news, 1, 0, "a"), bodies(1));
    EXPECT_FALSE(published.repeated);
    EXPECT_EQ(driver.apply_as<model::Sent>(make_publish(news, 1, 0, "a"), bodies(1)).ids,
              published.ids);
}

}  // namespace

}  // namespace penstock::testing
