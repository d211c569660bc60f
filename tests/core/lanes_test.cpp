// Ordered queues: which messages a receive finds while one of their ordering key is not done, and
// what lets the next one go.
#include "broker/core/lanes.h"

#include "tests/core/two_sets.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::Reason;
using model::Sequence;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

model::QueueAttributes in_order(model::QueueAttributes attributes = {}) {
    attributes.ordered = true;
    return attributes;
}

CoreDriver with_queue(const model::QueueAttributes& attributes = in_order()) {
    CoreDriver driver = CoreDriver::data_set({2, 1});
    driver.done(make_queue(morgue));
    driver.done(make_queue(orders, attributes));
    return driver;
}

std::vector<model::BodyInfo> of_keys(const std::vector<std::string>& keys) {
    std::vector<model::BodyInfo> infos;
    for (const std::string& key : keys) {
        infos.push_back(body());
        infos.back().meta.ordering_key = key;
    }
    return infos;
}

// One message a key, in one entry; sequences rise from 1. An empty key: none.
void send_keys(CoreDriver& driver,
               const std::vector<std::string>& keys,
               model::QueueNo queue = orders) {
    const auto count = static_cast<std::uint32_t>(keys.size());
    driver.apply_as<model::Sent>(make_send(queue, count), of_keys(keys));
}

std::vector<Sequence> sequences(const std::vector<model::LeasedMessage>& messages) {
    std::vector<Sequence> found;
    for (const auto& message : messages) found.push_back(message.sequence);
    return found;
}

// Receives what there is, at most 16, and gives their sequences.
std::vector<Sequence> take(CoreDriver& driver, model::QueueNo queue = orders) {
    return sequences(receive(driver, queue, 16));
}

}  // namespace

TEST(Lanes, OfEachKeyTheOldestAloneIsReceived) {
    CoreDriver driver = with_queue();
    send_keys(driver, {"a", "a", "b", "a", "b", "c"});
    const auto first = receive(driver, orders, 16);
    EXPECT_THAT(sequences(first), ElementsAre(1, 3, 6));
    EXPECT_EQ(counts(driver, orders).active, 3U);
    EXPECT_EQ(counts(driver, orders).parked, 3U);
    EXPECT_EQ(core::receivable(driver.rows(), orders), 0U);
    EXPECT_THAT(take(driver), IsEmpty());

    EXPECT_TRUE(remove(driver, orders, first[0].receipt));
    EXPECT_TRUE(driver.signalled_visible(orders));
    EXPECT_EQ(core::receivable(driver.rows(), orders), 1U);
    EXPECT_THAT(take(driver), ElementsAre(2));
    EXPECT_THAT(take(driver), IsEmpty());
    EXPECT_TRUE(remove(driver, orders, first[1].receipt));
    EXPECT_THAT(take(driver), ElementsAre(5));
}

TEST(Lanes, WithoutAKeyTheQueueIsOneLaneBesideThoseOfKeys) {
    CoreDriver driver = with_queue();
    send_keys(driver, {"", "", "a", ""});
    const auto first = receive(driver, orders, 16);
    EXPECT_THAT(sequences(first), ElementsAre(1, 3));
    EXPECT_TRUE(remove(driver, orders, first[0].receipt));
    const auto second = receive(driver, orders, 16);
    EXPECT_THAT(sequences(second), ElementsAre(2));
    EXPECT_TRUE(remove(driver, orders, second[0].receipt));
    EXPECT_THAT(take(driver), ElementsAre(4));
}

TEST(Lanes, WhatComesLaterWaitsToo) {
    CoreDriver driver = with_queue();
    send_keys(driver, {"a"});
    const auto first = receive(driver, orders, 16);
    send_keys(driver, {"a", "b"});
    EXPECT_THAT(take(driver), ElementsAre(3));
    EXPECT_TRUE(remove(driver, orders, first[0].receipt));
    EXPECT_THAT(take(driver), ElementsAre(2));
}

TEST(Lanes, AMessageWhoseLeaseEndedComesAgainBeforeTheNextOfItsKey) {
    CoreDriver driver = with_queue();
    send_keys(driver, {"a", "a", "b"});
    EXPECT_THAT(take(driver), ElementsAre(1, 3));
    driver.advance(30'000);
    const auto again = receive(driver, orders, 16);
    EXPECT_THAT(sequences(again), ElementsAre(1, 3));
    EXPECT_EQ(again[0].receives, 2U);
    // Given back at once.
    driver.done(model::ChangeVisibility{orders, again[0].receipt, 0});
    EXPECT_THAT(take(driver), ElementsAre(1));
}

TEST(Lanes, ARewindStartsEveryLaneFromThere) {
    CoreDriver driver = with_queue(in_order(with_rewind(3'600)));
    send_keys(driver, {"a", "b"});
    driver.skip(1'000);
    const model::TimeMs since = driver.now_ms();
    send_keys(driver, {"a", "a", "b"});
    for (int rounds = 0; rounds < 3; ++rounds) {
        for (const auto& message : receive(driver, orders, 16)) {
            EXPECT_TRUE(remove(driver, orders, message.receipt));
        }
    }
    EXPECT_THAT(take(driver), IsEmpty());
    driver.done(model::RewindQueue{orders, since});
    const auto again = receive(driver, orders, 16);
    EXPECT_THAT(sequences(again), ElementsAre(3, 5));
    EXPECT_TRUE(remove(driver, orders, again[0].receipt));
    EXPECT_THAT(take(driver), ElementsAre(4));
}

TEST(Lanes, ADeadLetterLetsTheNextOneGo) {
    CoreDriver driver = with_queue(in_order(dead_by_receives(morgue, 2)));
    send_keys(driver, {"a", "a"});
    EXPECT_THAT(take(driver), ElementsAre(1));
    driver.advance(30'000);
    EXPECT_THAT(take(driver), ElementsAre(1));
    driver.advance(30'000);
    EXPECT_EQ(counts(driver, morgue).active, 1U);
    EXPECT_THAT(take(driver), ElementsAre(2));
}

TEST(Lanes, ParkedMessagesAgeAndAreDeadByAgeWhenTheirTurnComes) {
    CoreDriver driver = with_queue(in_order(dead_by_age(morgue, 300)));
    send_keys(driver, {"a", "a", "b"});
    const auto first = receive(driver, orders, 16, 400'000);
    EXPECT_THAT(sequences(first), ElementsAre(1, 3));
    driver.advance(350'000);
    EXPECT_EQ(counts(driver, morgue).active, 0U) << "all are with a receiver or behind one";
    EXPECT_TRUE(remove(driver, orders, first[0].receipt));
    driver.advance(1);
    EXPECT_EQ(counts(driver, morgue).active, 1U);
    EXPECT_THAT(take(driver), IsEmpty());
}

TEST(Lanes, RetentionTakesParkedMessagesAndLaterOnesGo) {
    model::QueueAttributes attributes = in_order();
    attributes.retention_s = 60;
    CoreDriver driver = with_queue(attributes);
    send_keys(driver, {"a", "a"});
    const auto first = receive(driver, orders, 16, 120'000);
    EXPECT_THAT(take(driver), IsEmpty());
    driver.advance(50'000);
    send_keys(driver, {"a"});
    EXPECT_THAT(take(driver), IsEmpty());
    driver.advance(20'000);
    EXPECT_EQ(counts(driver, orders).parked, 1U) << "the second one is gone, the third waits";
    EXPECT_TRUE(remove(driver, orders, first[0].receipt));
    EXPECT_THAT(take(driver), ElementsAre(3));
}

TEST(Lanes, ADelayedMessageTakesItsPlaceWhenItIsDue) {
    CoreDriver driver = with_queue();
    driver.apply_as<model::Sent>(make_send(orders, 1, 5'000), of_keys({"a"}));
    send_keys(driver, {"a"});
    const auto first = receive(driver, orders, 16);
    EXPECT_THAT(sequences(first), ElementsAre(1));
    driver.advance(5'000);
    EXPECT_THAT(take(driver), IsEmpty()) << "its key is with a receiver";
    EXPECT_TRUE(remove(driver, orders, first[0].receipt));
    EXPECT_THAT(take(driver), ElementsAre(2));
}

TEST(Lanes, WhatATopicFeedsKeepsItsKeys) {
    CoreDriver driver = with_queue();
    driver.done(make_topic(news));
    driver.done(make_subscription(first_reader, queue_spec(orders)));
    driver.apply_as<model::Sent>(make_publish(news, 3), of_keys({"a", "a", "b"}));
    EXPECT_THAT(take(driver), ElementsAre(1, 3));
}

TEST(Lanes, ADeadLetterKeepsItsKey) {
    CoreDriver driver = with_queue();
    driver.done(make_queue(others, in_order()));
    driver.done(model::SetQueue{orders, in_order(dead_by_receives(others, 1))});
    send_keys(driver, {"a", "b"});
    EXPECT_THAT(take(driver), ElementsAre(1, 2));
    driver.advance(30'000);
    send_keys(driver, {"a"}, others);
    EXPECT_THAT(take(driver, others), ElementsAre(1, 2)) << "the third is behind the first";
    EXPECT_EQ(counts(driver, others).parked, 1U);
}

TEST(Lanes, ALetterThatIsRefusedElsewhereWaitsBehindWhatIsWithAReceiver) {
    TwoSets sets;
    model::QueueAttributes attributes = in_order(dead_by_age({}, 300));
    attributes.dead_letter->queue = far(morgue);  // there is no such queue
    sets.near.done(make_queue(orders, attributes));
    send_keys(sets.near, {"a", "a", "a"});
    const auto first = receive(sets.near, orders, 1, 400'000);
    EXPECT_THAT(sequences(first), ElementsAre(1));
    sets.near.advance(300'000);
    EXPECT_EQ(counts(sets.near, orders).inactive, 3U) << "one with a receiver, two on their way";
    EXPECT_THAT(sets.exchange(near_set),
                ElementsAre(model::TransferOutcome::refused, model::TransferOutcome::refused));
    EXPECT_EQ(counts(sets.near, orders).parked, 2U);
    EXPECT_THAT(take(sets.near), IsEmpty());
    EXPECT_TRUE(remove(sets.near, orders, first[0].receipt));
    EXPECT_THAT(take(sets.near), ElementsAre(2));
}

TEST(Lanes, SoManyMayBeParkedAndThenNothingFreshIsLookedAt) {
    CoreDriver driver = CoreDriver::data_set({2, 0});
    driver.done(make_queue(orders, in_order()));
    constexpr std::uint32_t a_batch = 500;
    for (std::uint64_t sent = 0; sent <= core::parked_per_queue_max; sent += a_batch) {
        send_keys(driver, std::vector<std::string>(a_batch, "slow"));
    }
    send_keys(driver, {"fast"});
    const auto first = receive(driver, orders, 16);
    EXPECT_THAT(sequences(first), ElementsAre(1));
    std::uint32_t looks = 1;
    while (core::receivable(driver.rows(), orders) > 0) {
        ASSERT_LE(++looks, 1 + core::parked_per_queue_max / core::looked_at_per_lease_max + 1);
        EXPECT_THAT(take(driver), IsEmpty());
    }
    EXPECT_EQ(counts(driver, orders).parked, core::parked_per_queue_max);
    EXPECT_TRUE(remove(driver, orders, first[0].receipt));
    EXPECT_THAT(take(driver), ElementsAre(2));
    driver.check_invariants();
}

TEST(Lanes, WhetherAQueueKeepsOrderIsFixed) {
    CoreDriver driver = with_queue();
    EXPECT_EQ(driver.refused(model::SetQueue{orders, {}}), Reason::invalid_parameter);
    EXPECT_EQ(driver.refused(model::SetQueue{morgue, in_order()}), Reason::invalid_parameter);
    driver.done(model::SetQueue{orders, in_order(holding(1'000'000))});
}

TEST(Lanes, AnUnorderedQueueHasNone) {
    CoreDriver driver = with_queue({});
    send_keys(driver, {"a", "a", ""});
    EXPECT_THAT(take(driver), ElementsAre(1, 2, 3));
}

}  // namespace penstock::testing
