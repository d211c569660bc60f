// Looking at messages without touching them, and delayed messages that are moved and taken back.
#include "broker/core/letter_search.h"
#include "broker/core/peek_query.h"
#include "tests/core/commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using core::PeekState;
using model::MessageId;
using model::Reason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<core::PeekedMessage> peek(const CoreDriver& driver,
                                      PeekState state,
                                      model::ObjectNo object = orders) {
    return core::peek_messages(driver.rows(), object, state, 0, 100).items;
}

std::vector<MessageId> ids(const std::vector<core::PeekedMessage>& messages) {
    std::vector<MessageId> found;
    for (const auto& message : messages) found.push_back(message.message);
    return found;
}

CoreDriver with_queue(std::uint32_t rewind_s = 0) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders, with_rewind(rewind_s)));
    return driver;
}

TEST(Peek, TellsVisibleMessagesFromThoseInFlightAndDeleted) {
    CoreDriver driver = with_queue(600);
    const auto sent = send(driver, orders, 4);
    const auto got = receive(driver, orders, 2, 5'000);
    remove(driver, orders, got[0].receipt);
    EXPECT_THAT(ids(peek(driver, PeekState::visible)), ElementsAre(sent[2], sent[3]));
    EXPECT_THAT(ids(peek(driver, PeekState::deleted)), ElementsAre(sent[0]));
    const auto leased = peek(driver, PeekState::in_flight);
    ASSERT_THAT(ids(leased), ElementsAre(sent[1]));
    EXPECT_EQ(leased[0].receives, 1U);
    EXPECT_EQ(leased[0].due_ms, driver.now_ms() + 5'000);
    EXPECT_THAT(peek(driver, PeekState::delayed), IsEmpty());
}

TEST(Peek, TellsWhatWasDeletedBehindOneThatIsStillThere) {
    CoreDriver driver = with_queue(600);
    const auto sent = send(driver, orders, 3);
    const auto got = receive(driver, orders, 3);
    remove(driver, orders, got[2].receipt);
    EXPECT_THAT(ids(peek(driver, PeekState::deleted)), ElementsAre(sent[2]));
    EXPECT_THAT(ids(peek(driver, PeekState::in_flight)), ElementsAre(sent[0], sent[1]));
}

TEST(Peek, ShowsAMessageWhoseLeaseEndedAsVisibleWithItsReceives) {
    CoreDriver driver = with_queue();
    const auto sent = send(driver, orders, 2);
    receive(driver, orders, 1, 1'000);
    driver.advance(1'000);
    const auto found = peek(driver, PeekState::visible);
    ASSERT_THAT(ids(found), ElementsAre(sent[0], sent[1]));
    EXPECT_EQ(found[0].receives, 1U);
    EXPECT_EQ(found[1].receives, 0U);
}

TEST(FindLetters, LooksAtSoManyAndGoesOnBehindThem) {
    CoreDriver driver = with_queue();
    const auto sent = send(driver, orders, 10);
    remove(driver, orders, receive(driver, orders, 2)[1].receipt);
    const std::set<MessageId> wanted{sent[1], sent[2], sent[8]};
    std::vector<MessageId> found;
    std::vector<std::size_t> by_step;
    model::Sequence next = 0;
    do {
        const auto step = core::find_letters(driver.rows(), orders, next, wanted, 4);
        for (const auto& letter : step.items) found.push_back(letter.message);
        by_step.push_back(step.items.size());
        next = step.next;
    } while (next != 0);
    // What was deleted is not found.
    EXPECT_THAT(found, ElementsAre(sent[2], sent[8]));
    EXPECT_THAT(by_step, ElementsAre(1, 0, 1));
}

TEST(FindLetters, EndsWithTheLastOneThatIsWanted) {
    CoreDriver driver = with_queue();
    const auto sent = send(driver, orders, 10);
    const auto step = core::find_letters(driver.rows(), orders, 0, {sent[3]}, 100);
    ASSERT_THAT(step.items, SizeIs(1));
    EXPECT_EQ(step.items[0].message, sent[3]);
    EXPECT_EQ(step.next, 0U);
    EXPECT_THAT(core::find_letters(driver.rows(), orders, 0, {MessageId(1)}, 100).items, IsEmpty());
}

TEST(Peek, GoesOnWhereThePageBeforeStopped) {
    CoreDriver driver = with_queue();
    const auto sent = send(driver, orders, 5);
    std::vector<MessageId> found;
    std::uint64_t next = 0;
    std::size_t pages = 0;
    do {
        const auto page = core::peek_messages(driver.rows(), orders, PeekState::visible, next, 2);
        for (const auto& one : page.items) found.push_back(one.message);
        next = page.next;
    } while (next != 0 && ++pages < 10);
    EXPECT_EQ(found, sent);
    EXPECT_EQ(pages, 2U);
}

TEST(Peek, LooksAtNoMoreThanFourThousandMessagesAPage) {
    CoreDriver driver = with_queue(600);
    for (int batch = 0; batch < 11; ++batch) send(driver, orders, 400);
    for (int batch = 0; batch < 300; ++batch) {
        for (const auto& one : receive(driver, orders, 16)) {
            if (one.sequence != 1) remove(driver, orders, one.receipt);
        }
    }
    const auto first = core::peek_messages(driver.rows(), orders, PeekState::visible, 0, 100);
    EXPECT_THAT(first.items, IsEmpty());
    ASSERT_EQ(first.next, 4'097U);
    const auto second =
        core::peek_messages(driver.rows(), orders, PeekState::visible, first.next, 100);
    EXPECT_THAT(second.items, IsEmpty());
    EXPECT_EQ(second.next, 0U);
}

TEST(Peek, ShowsWhatATopicRetains) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_topic(news));
    const auto first = publish(driver, news);
    driver.advance(60'000);
    const auto second = publish(driver, news, 2);
    EXPECT_THAT(ids(peek(driver, PeekState::retained, news)),
                ElementsAre(first[0], second[0], second[1]));
    EXPECT_EQ(core::position_at(driver.rows(), news, driver.now_ms()), 2U);
    EXPECT_EQ(core::position_at(driver.rows(), news, driver.now_ms() + 1), 4U);
}

TEST(Delayed, AreShownWithTheirDueTimeAndBody) {
    CoreDriver driver = with_queue();
    const auto sent = send(driver, orders, 2, 10'000);
    const auto found = peek(driver, PeekState::delayed);
    ASSERT_THAT(ids(found), ElementsAre(sent[0], sent[1]));
    EXPECT_EQ(found[0].due_ms, driver.now_ms() + 10'000);
    EXPECT_EQ(found[0].sent_ms, driver.now_ms());
    EXPECT_EQ(found[1].body, sent[1]);
    driver.advance(10'000);
    EXPECT_THAT(peek(driver, PeekState::delayed), IsEmpty());
    EXPECT_THAT(ids(peek(driver, PeekState::visible)), ElementsAre(sent[0], sent[1]));
}

TEST(Delayed, OneThatIsTakenBackNeverBecomesVisibleAndItsBodyGoes) {
    CoreDriver driver = with_queue();
    const auto sent = send(driver, orders, 2, 10'000);
    driver.done(model::ChangeDelayed{orders, sent[0], true, 0});
    EXPECT_EQ(core::queue_info(driver.rows(), orders)->counts.delayed, 1U);
    EXPECT_EQ(driver.refused(model::ChangeDelayed{orders, sent[0], true, 0}),
              Reason::message_not_found);
    driver.advance(20'000);
    EXPECT_THAT(ids(peek(driver, PeekState::visible)), ElementsAre(sent[1]));
    EXPECT_EQ(driver.live_bodies(), 1U);
}

TEST(Delayed, OneThatIsMovedLaterBecomesVisibleThenAndItsNeighbourInTime) {
    CoreDriver driver = with_queue();
    const auto sent = send(driver, orders, 2, 10'000);
    const model::TimeMs later = driver.now_ms() + 60'000;
    driver.done(model::ChangeDelayed{orders, sent[0], false, later});
    driver.advance(10'000);
    EXPECT_THAT(ids(peek(driver, PeekState::visible)), ElementsAre(sent[1]));
    ASSERT_THAT(peek(driver, PeekState::delayed), SizeIs(1));
    EXPECT_EQ(peek(driver, PeekState::delayed)[0].due_ms, later);
    driver.advance(49'999);
    EXPECT_THAT(peek(driver, PeekState::visible), SizeIs(1));
    driver.advance(1);
    EXPECT_THAT(ids(peek(driver, PeekState::visible)), ElementsAre(sent[1], sent[0]));
    EXPECT_EQ(core::queue_info(driver.rows(), orders)->counts.delayed, 0U);
}

TEST(Delayed, OneThatIsMovedForwardAndBackBecomesVisibleOnce) {
    CoreDriver driver = with_queue();
    const auto sent = send(driver, orders, 1, 10'000);
    const model::TimeMs now = driver.now_ms();
    for (const model::TimeMs due : {now + 5'000, now + 10'000, now + 5'000, now + 10'000}) {
        driver.done(model::ChangeDelayed{orders, sent[0], false, due});
    }
    driver.advance(5'000);
    EXPECT_THAT(peek(driver, PeekState::visible), IsEmpty());
    driver.advance(5'000);
    ASSERT_THAT(receive(driver, orders, 16), SizeIs(1));
    driver.advance(10'000);
    EXPECT_EQ(core::queue_info(driver.rows(), orders)->counts.inactive, 1U);
}

TEST(Delayed, OneThatIsMovedIntoThePastIsVisibleAtOnce) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_topic(news));
    driver.done(make_subscription(first_reader, http_spec()));
    const auto ids = driver.apply_as<model::Sent>(make_publish(news, 1, 600'000), {body()}).ids;
    driver.done(model::ChangeDelayed{news, ids[0], false, 1});
    driver.run_due();
    ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
    EXPECT_EQ(ready(driver, first_reader)[0].message, ids[0]);
}

TEST(Delayed, ThoseOfAClearedQueueAreNotThereToBeMoved) {
    CoreDriver driver = with_queue();
    const auto sent = send(driver, orders, 1, 10'000);
    driver.done(model::ClearQueue{orders});
    EXPECT_THAT(peek(driver, PeekState::delayed), IsEmpty());
    EXPECT_EQ(driver.refused(model::ChangeDelayed{orders, sent[0], false, 0}),
              Reason::message_not_found);
    driver.advance(10'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

}  // namespace

}  // namespace penstock::testing
