// Transactional messages: prepared and seen by nobody, committed, rolled back, checked, ended.
#include "broker/core/keys.h"
#include "broker/core/peek_query.h"
#include "broker/core/transaction_query.h"
#include "broker/core/transactions.h"
#include "tests/core/commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using core::PeekState;
using model::ConfirmResult;
using model::MessageId;
using model::Reason;
using model::Sent;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t first_query_s = 5;
constexpr model::TimeMs pause_ms = 5'000;
constexpr std::uint32_t checks_max = 3;

model::QueueAttributes transactional() {
    model::QueueAttributes attributes;
    attributes.transaction = model::TransactionPolicy{first_query_s, checks_max};
    return attributes;
}

CoreDriver with_queue(const model::QueueAttributes& attributes = transactional()) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders, attributes));
    return driver;
}

std::vector<MessageId> prepare(CoreDriver& driver, std::uint32_t count = 1) {
    return driver.apply_as<Sent>(model::Prepare{orders, 0, count, 0, {}}, bodies(count)).ids;
}

ConfirmResult confirm(CoreDriver& driver, MessageId message, bool commit) {
    return driver
        .apply_as<model::Confirmed>(model::ConfirmTransactions{orders, {{message, commit}}})
        .results.at(0);
}

std::vector<model::TransactionCheck> take(CoreDriver& driver, std::uint32_t max = 10) {
    return driver.apply_as<model::ChecksTaken>(model::TakeChecks{orders, max}).items;
}

std::vector<core::PeekedMessage> prepared(const CoreDriver& driver) {
    return core::peek_messages(driver.rows(), orders, PeekState::prepared, 0, 100).items;
}

std::string place(const CoreDriver& driver, MessageId message) {
    const auto places = core::message_places(driver.rows(), message, orders, CoreDriver::start_ms);
    return places.empty() ? "" : places[0].state;
}

TEST(Transaction, APreparedMessageIsStoredAndSeenByNobody) {
    CoreDriver driver = with_queue();
    const auto sent = prepare(driver, 2);
    EXPECT_THAT(sent, SizeIs(2));
    EXPECT_THAT(receive(driver, orders), IsEmpty());
    EXPECT_EQ(counts(driver, orders).active, 0U);
    EXPECT_EQ(counts(driver, orders).delayed, 0U);
    EXPECT_EQ(counts(driver, orders).prepared, 2U);
    EXPECT_THAT(core::peek_messages(driver.rows(), orders, PeekState::visible, 0, 100).items,
                IsEmpty());
    const auto seen = prepared(driver);
    ASSERT_THAT(seen, SizeIs(2));
    EXPECT_EQ(seen[0].message, sent[0]);
    EXPECT_EQ(seen[0].body, sent[0]);
    EXPECT_EQ(seen[0].sent_ms, CoreDriver::start_ms);
    EXPECT_EQ(seen[0].due_ms, CoreDriver::start_ms + pause_ms);
    EXPECT_EQ(place(driver, sent[0]), "prepared");
    EXPECT_EQ(driver.live_bodies(), 2U);
}

TEST(Transaction, ACommittedMessageIsVisibleFromThatMomentOn) {
    CoreDriver driver = with_queue();
    const auto half = prepare(driver);
    driver.advance(1'000);
    const auto plain = send(driver, orders);
    driver.advance(1'000);
    EXPECT_EQ(confirm(driver, half[0], true), ConfirmResult::done);
    EXPECT_TRUE(driver.signalled_visible(orders));
    const auto got = receive(driver, orders, 2);
    ASSERT_THAT(got, SizeIs(2));
    EXPECT_EQ(got[0].message, plain[0]);
    EXPECT_EQ(got[1].message, half[0]);
    EXPECT_EQ(got[1].enqueued_ms, CoreDriver::start_ms) << "when it was sent";
    EXPECT_EQ(counts(driver, orders).prepared, 0U);
    EXPECT_EQ(counts(driver, orders).committed, 1U);
    EXPECT_THAT(prepared(driver), IsEmpty());
    EXPECT_EQ(place(driver, half[0]), "in_flight");
    EXPECT_TRUE(remove(driver, orders, got[1].receipt));
}

TEST(Transaction, ARewindGoesByTheMomentOfTheCommit) {
    model::QueueAttributes attributes = transactional();
    attributes.rewind_s = 600;
    CoreDriver driver = with_queue(attributes);
    const auto half = prepare(driver);
    driver.advance(2'000);
    const auto plain = send(driver, orders);
    remove(driver, orders, receive(driver, orders)[0].receipt);
    driver.advance(2'000);
    const model::TimeMs committed_ms = driver.now_ms();
    confirm(driver, half[0], true);
    remove(driver, orders, receive(driver, orders)[0].receipt);
    driver.done(model::RewindQueue{orders, committed_ms});
    const auto again = receive(driver, orders, 10);
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(again[0].message, half[0]);
}

TEST(Transaction, ARolledBackMessageIsConsumedAndItsBodyGoes) {
    CoreDriver driver = with_queue();
    const auto half = prepare(driver);
    EXPECT_EQ(confirm(driver, half[0], false), ConfirmResult::done);
    EXPECT_THAT(receive(driver, orders), IsEmpty());
    EXPECT_EQ(counts(driver, orders).prepared, 0U);
    EXPECT_EQ(counts(driver, orders).rolled_back, 1U);
    EXPECT_EQ(place(driver, half[0]), "rolled_back");
    EXPECT_TRUE(driver.released().contains(half[0]));
}

TEST(Transaction, AConfirmationMayBeRepeatedButNotTurnedAround) {
    CoreDriver driver = with_queue();
    const auto half = prepare(driver, 2);
    confirm(driver, half[0], true);
    confirm(driver, half[1], false);
    EXPECT_EQ(confirm(driver, half[0], true), ConfirmResult::done);
    EXPECT_EQ(confirm(driver, half[0], false), ConfirmResult::otherwise);
    EXPECT_EQ(confirm(driver, half[1], false), ConfirmResult::done);
    EXPECT_EQ(confirm(driver, half[1], true), ConfirmResult::otherwise);
    EXPECT_EQ(counts(driver, orders).active, 1U);
    EXPECT_EQ(counts(driver, orders).committed, 1U);
    EXPECT_EQ(counts(driver, orders).rolled_back, 1U);
    driver.advance(core::outcome_kept_ms - 1);
    EXPECT_EQ(confirm(driver, half[0], true), ConfirmResult::done);
    driver.advance(1);
    EXPECT_EQ(confirm(driver, half[0], true), ConfirmResult::unknown);
}

TEST(Transaction, ItemsOfOneConfirmationStandAlone) {
    CoreDriver driver = with_queue();
    const auto half = prepare(driver, 2);
    const auto plain = send(driver, orders);
    const model::ConfirmTransactions command{
        orders, {{half[0], true}, {plain[0], true}, {half[1], false}, {half[0], false}}};
    EXPECT_THAT(driver.apply_as<model::Confirmed>(command).results,
                ElementsAre(ConfirmResult::done,
                            ConfirmResult::unknown,
                            ConfirmResult::done,
                            ConfirmResult::otherwise));
}

TEST(Transaction, ACheckFallsDueAfterTheFirstIntervalAndCountsOnceItIsTaken) {
    CoreDriver driver = with_queue();
    const auto half = prepare(driver);
    driver.advance(pause_ms - 1);
    EXPECT_THAT(driver.effects().checks, IsEmpty());
    EXPECT_FALSE(core::check_due(driver.rows(), orders));
    EXPECT_THAT(take(driver), IsEmpty());
    driver.advance(1);
    EXPECT_THAT(driver.effects().checks, ElementsAre(orders));
    EXPECT_TRUE(core::check_due(driver.rows(), orders));
    EXPECT_EQ(prepared(driver)[0].checks, 0U);
    EXPECT_EQ(prepared(driver)[0].due_ms, 0) << "it waits for somebody";
    const auto checks = take(driver);
    ASSERT_THAT(checks, SizeIs(1));
    EXPECT_EQ(checks[0].message, half[0]);
    EXPECT_EQ(checks[0].checks, 1U);
    EXPECT_EQ(prepared(driver)[0].checks, 1U);
    EXPECT_EQ(prepared(driver)[0].due_ms, driver.now_ms() + pause_ms);
    EXPECT_THAT(take(driver), IsEmpty()) << "taken once";
}

TEST(Transaction, AnIntervalOfTheMessageItselfComesFirst) {
    CoreDriver driver = with_queue();
    driver.apply_as<Sent>(model::Prepare{orders, 0, 1, 60, {}}, bodies(1));
    driver.advance(59'999);
    EXPECT_FALSE(core::check_due(driver.rows(), orders));
    driver.advance(1);
    EXPECT_TRUE(core::check_due(driver.rows(), orders));
}

TEST(Transaction, WhoeverDoesNotAnswerIsAskedAgainAndThenItIsRolledBack) {
    CoreDriver driver = with_queue();
    const auto half = prepare(driver);
    for (std::uint32_t check = 1; check <= checks_max; ++check) {
        driver.advance(pause_ms);
        const auto taken = take(driver);
        ASSERT_THAT(taken, SizeIs(1));
        EXPECT_EQ(taken[0].checks, check);
    }
    driver.advance(pause_ms - 1);
    EXPECT_EQ(counts(driver, orders).prepared, 1U);
    driver.advance(1);
    EXPECT_THAT(driver.effects().unconfirmed, ElementsAre(model::Unconfirmed{orders, half[0]}));
    EXPECT_EQ(counts(driver, orders).prepared, 0U);
    EXPECT_EQ(counts(driver, orders).unconfirmed, 1U);
    EXPECT_EQ(counts(driver, orders).rolled_back, 0U);
    EXPECT_EQ(place(driver, half[0]), "unconfirmed");
    EXPECT_TRUE(driver.released().contains(half[0]));
    EXPECT_EQ(confirm(driver, half[0], true), ConfirmResult::otherwise);
    EXPECT_EQ(confirm(driver, half[0], false), ConfirmResult::done);
}

TEST(Transaction, ACheckThatNobodyTakesWaitsUncountedUntilTheRetentionIsOver) {
    model::QueueAttributes attributes = transactional();
    attributes.retention_s = 3'600;
    CoreDriver driver = with_queue(attributes);
    const auto half = prepare(driver);
    driver.advance(3'600'000 - 1);
    EXPECT_EQ(prepared(driver)[0].checks, 0U);
    EXPECT_EQ(counts(driver, orders).prepared, 1U);
    driver.advance(1);
    EXPECT_THAT(driver.effects().unconfirmed, ElementsAre(model::Unconfirmed{orders, half[0]}));
    EXPECT_EQ(counts(driver, orders).prepared, 0U);
    EXPECT_FALSE(core::check_due(driver.rows(), orders));
}

TEST(Transaction, ALongerRetentionKeepsWhatStillWaitsForACheck) {
    model::QueueAttributes attributes = transactional();
    attributes.retention_s = 60;
    CoreDriver driver = with_queue(attributes);
    prepare(driver);
    driver.advance(30'000);
    attributes.retention_s = 120;
    driver.done(model::SetQueue{orders, attributes});
    driver.advance(60'000);
    EXPECT_EQ(counts(driver, orders).prepared, 1U);
    EXPECT_THAT(take(driver), SizeIs(1));
    driver.advance(30'000);
    EXPECT_EQ(counts(driver, orders).unconfirmed, 1U);
}

TEST(Transaction, AConfirmationEndsWhatIsDueForACheck) {
    CoreDriver driver = with_queue();
    const auto half = prepare(driver);
    driver.advance(pause_ms);
    confirm(driver, half[0], true);
    EXPECT_FALSE(core::check_due(driver.rows(), orders));
    EXPECT_THAT(take(driver), IsEmpty());
}

TEST(Transaction, ChecksAreTakenOldestFirstAndNoMoreThanAskedFor) {
    CoreDriver driver = with_queue();
    const auto half = prepare(driver, 3);
    driver.advance(pause_ms);
    const auto first = take(driver, 2);
    ASSERT_THAT(first, SizeIs(2));
    EXPECT_EQ(first[0].message, half[0]);
    EXPECT_EQ(first[1].message, half[1]);
    EXPECT_TRUE(core::check_due(driver.rows(), orders));
    EXPECT_THAT(take(driver, 2), SizeIs(1));
}

TEST(Transaction, AnOrdinaryQueueTakesNone) {
    CoreDriver driver = with_queue({});
    EXPECT_EQ(driver.refused(model::Prepare{orders, 0, 1, 0, {}}, bodies(1)),
              Reason::not_transactional);
    EXPECT_EQ(driver.refused(model::ConfirmTransactions{orders, {{MessageId{1}, true}}}),
              Reason::not_transactional);
    EXPECT_EQ(driver.refused(model::TakeChecks{orders, 1}), Reason::not_transactional);
    EXPECT_EQ(driver.refused(model::Prepare{others, 0, 1, 0, {}}, bodies(1)),
              Reason::queue_not_found);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(Transaction, WhetherAQueueTakesThemIsFixedButNotHow) {
    CoreDriver driver = with_queue();
    EXPECT_EQ(driver.refused(model::SetQueue{orders, {}}), Reason::invalid_parameter);
    model::QueueAttributes changed = transactional();
    changed.transaction->queries_max = 1;
    driver.done(model::SetQueue{orders, changed});
    driver.done(make_queue(others));
    EXPECT_EQ(driver.refused(model::SetQueue{others, transactional()}), Reason::invalid_parameter);
}

TEST(Transaction, ATransactionalQueueDelaysNothing) {
    CoreDriver driver = with_queue();
    EXPECT_EQ(driver.refused(make_send(orders, 1, 1'000), bodies(1)), Reason::delay_out_of_range);
    EXPECT_THAT(send(driver, orders), SizeIs(1));
}

TEST(Transaction, ATransactionalQueueIsNoDeadLetterQueue) {
    CoreDriver driver = with_queue();
    EXPECT_EQ(driver.refused(make_queue(others, dead_by_receives(orders, 1))),
              Reason::dead_letter_transactional);
    EXPECT_EQ(driver.refused(
                  model::BindDeadLetter{orders, {model::SetId{2}, model::ObjectNo{7}}, true, true}),
              Reason::dead_letter_transactional);
    driver.done(make_topic(news));
    EXPECT_EQ(driver.refused(make_subscription(first_reader, http_spec(orders))),
              Reason::dead_letter_transactional);
    // It may have one.
    driver.done(make_queue(morgue));
    model::QueueAttributes attributes = dead_by_receives(morgue, 1);
    attributes.transaction = model::TransactionPolicy{};
    driver.done(make_queue(others, attributes));
}

TEST(Transaction, PreparedMessagesTakeRoomInTheirQueue) {
    model::QueueAttributes attributes = transactional();
    attributes.messages_max = 3;
    CoreDriver driver = with_queue(attributes);
    prepare(driver, 2);
    send(driver, orders);
    EXPECT_EQ(driver.refused(make_send(orders), bodies(1)), Reason::queue_full);
    EXPECT_EQ(driver.refused(model::Prepare{orders, 0, 1, 0, {}}, bodies(1)), Reason::queue_full);
}

TEST(Transaction, ADeduplicationKeyHoldsForThemToo) {
    CoreDriver driver = with_queue();
    const auto first = driver.apply_as<Sent>(model::Prepare{orders, 0, 1, 0, "key"}, bodies(1));
    const auto again = driver.apply_as<Sent>(model::Prepare{orders, 0, 1, 0, "key"}, bodies(1));
    EXPECT_TRUE(again.repeated);
    EXPECT_EQ(again.ids, first.ids);
    EXPECT_EQ(counts(driver, orders).prepared, 1U);
}

TEST(Transaction, AClearTakesWhatIsPreparedAndWhatComesAfterStays) {
    CoreDriver driver = with_queue();
    const auto half = prepare(driver, 3);
    confirm(driver, half[2], true);
    driver.advance(pause_ms);
    driver.done(model::ClearQueue{orders});
    const auto later = prepare(driver);
    EXPECT_EQ(counts(driver, orders).prepared, 1U);
    EXPECT_EQ(confirm(driver, half[0], true), ConfirmResult::unknown);
    EXPECT_EQ(confirm(driver, half[2], true), ConfirmResult::unknown);
    EXPECT_FALSE(core::check_due(driver.rows(), orders));
    EXPECT_EQ(place(driver, half[0]), "");
    driver.run_due();
    EXPECT_TRUE(driver.released().contains(half[0]));
    ASSERT_THAT(prepared(driver), SizeIs(1));
    EXPECT_EQ(confirm(driver, later[0], true), ConfirmResult::done);
    EXPECT_THAT(receive(driver, orders, 10), SizeIs(1));
}

TEST(Transaction, NothingIsLeftOfADeletedQueueAndLongQueuesGoInSteps) {
    CoreDriver::Options options;
    options.check_invariants_every = 100;
    CoreDriver driver = CoreDriver::data_set(options);
    driver.done(make_queue(orders, transactional()));
    for (int at = 0; at < 5; ++at) prepare(driver, 500);
    driver.done(model::DeleteQueue{orders});
    EXPECT_EQ(driver.live_bodies(), 2'500U);
    driver.advance(0);
    EXPECT_LT(driver.largest_batch(), 4'500U);
    driver.run_due();
    EXPECT_EQ(driver.live_bodies(), 0U);
    driver.advance(2'000'000'000);
    driver.check_invariants();
}

}  // namespace

}  // namespace penstock::testing
