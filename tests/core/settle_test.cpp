// Settling deliveries: what it costs in rows, and that the cursor runs over what is done.
#include "broker/base/random.h"
#include "broker/core/records.h"
#include "tests/core/commands.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace penstock::testing {

namespace {

using core::DeliveryState;
using model::Sequence;
using model::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

CoreDriver with_reader(const model::SubscriptionSpec& spec,
                       std::uint32_t check_invariants_every = 1) {
    CoreDriver driver = CoreDriver::data_set({0, check_invariants_every});
    driver.done(make_topic(news));
    driver.done(make_subscription(first_reader, spec));
    return driver;
}

DeliveryState state_of(const CoreDriver& driver, model::SubscriptionNo subscription) {
    const auto bytes = driver.rows().get(core::keys::delivery(subscription));
    return bytes ? core::decode<DeliveryState>(*bytes) : DeliveryState{};
}

std::size_t rows_of(const CoreDriver& driver, char kind, model::ObjectNo object) {
    std::size_t rows = 0;
    driver.rows().scan(core::keys::prefix(kind, object),
                       core::keys::prefix_end(kind, object),
                       [&](auto, auto) { return ++rows > 0; });
    return rows;
}

std::vector<Sequence> range(Sequence first, Sequence last) {
    std::vector<Sequence> all;
    for (Sequence at = first; at <= last; ++at) all.push_back(at);
    return all;
}

void shuffle(std::vector<Sequence>& sequences, std::uint64_t seed) {
    SeededRandom random(seed);
    for (std::size_t left = sequences.size(); left > 1; --left) {
        std::swap(sequences[left - 1], sequences[random.below(left)]);
    }
}

void settle_in_parts(CoreDriver& driver, const std::vector<Sequence>& sequences) {
    for (std::size_t at = 0; at < sequences.size(); at += 500) {
        const auto first = sequences.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t count = std::min<std::size_t>(500, sequences.size() - at);
        settle(driver,
               first_reader,
               {first, first + static_cast<std::ptrdiff_t>(count)},
               Verdict::accepted);
    }
}

void publish_many(CoreDriver& driver, std::uint32_t messages) {
    for (std::uint32_t sent = 0; sent < messages; sent += 500) {
        publish(driver, news, std::min<std::uint32_t>(500, messages - sent));
    }
}

TEST(Settle, SuccessInOrderMovesTheCursorAndStoresNothing) {
    CoreDriver driver = with_reader(http_spec());
    publish(driver, news, 5);
    for (const Sequence at : range(1, 5)) {
        EXPECT_EQ(ready(driver, first_reader).at(0).sequence, at);
        settle(driver, first_reader, {at}, Verdict::accepted);
        EXPECT_EQ(state_of(driver, first_reader).cursor, at + 1);
        EXPECT_EQ(rows_of(driver, 'm', first_reader), 0U);
    }
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
}

TEST(Settle, SuccessOutOfOrderIsKeptUntilTheCursorComes) {
    CoreDriver driver = with_reader(http_spec());
    publish(driver, news, 4);
    settle(driver, first_reader, {2, 4}, Verdict::accepted);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1, 3));
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->backlog, 2U);
    settle(driver, first_reader, {1}, Verdict::accepted);
    EXPECT_EQ(state_of(driver, first_reader).cursor, 3U);
    settle(driver, first_reader, {3}, Verdict::accepted);
    EXPECT_EQ(state_of(driver, first_reader).cursor, 5U);
    EXPECT_EQ(rows_of(driver, 'm', first_reader), 0U);
}

TEST(Settle, TenThousandInRandomOrderLeaveTheCursorAtTheEndAndNoRows) {
    constexpr std::uint32_t messages = 10'000;
    CoreDriver driver = with_reader(http_spec(), 0);
    publish_many(driver, messages);
    auto order = range(1, messages);
    shuffle(order, messages);
    settle_in_parts(driver, order);
    driver.check_invariants();
    EXPECT_EQ(state_of(driver, first_reader).cursor, messages + 1);
    EXPECT_EQ(rows_of(driver, 'm', first_reader), 0U);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->backlog, 0U);
}

TEST(Settle, BlocksSettledBackToFrontGoWhenTheFirstIsSettled) {
    CoreDriver driver = with_reader(http_spec(), 0);
    publish_many(driver, 9'000);
    auto order = range(1, 9'000);
    std::reverse(order.begin(), order.end());
    settle_in_parts(driver, order);
    driver.check_invariants();
    EXPECT_EQ(state_of(driver, first_reader).cursor, 9'001U);
    EXPECT_EQ(rows_of(driver, 'm', first_reader), 0U);
}

TEST(Settle, AFilteredSubscriptionsCursorRunsOverWhatDoesNotMatch) {
    CoreDriver driver = with_reader(tagged_spec({"red"}));
    for (int round = 0; round < 3; ++round) {
        driver.apply_as<model::Sent>(
            make_publish(news, 4),
            {body(10), body(10, {"blue"}), body(10, {"red"}), body(10, {"blue"})});
    }
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(3, 7, 11));
    settle(driver, first_reader, {3}, Verdict::accepted);
    EXPECT_EQ(state_of(driver, first_reader).cursor, 7U);
    EXPECT_EQ(rows_of(driver, 'm', first_reader), 0U);
    settle(driver, first_reader, {11}, Verdict::accepted);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(7));
    settle(driver, first_reader, {7}, Verdict::accepted);
    EXPECT_EQ(state_of(driver, first_reader).cursor, 13U);
    EXPECT_EQ(rows_of(driver, 'm', first_reader), 0U);
}

TEST(Settle, AFilteredBacklogInRandomOrderEndsWithNoSettledRows) {
    CoreDriver driver = with_reader(tagged_spec({"red"}), 0);
    std::vector<model::BodyInfo> mixed;
    for (std::uint32_t at = 0; at < 500; ++at) {
        mixed.push_back(at % 3 == 0 ? body(10, {"red"}) : body());
    }
    for (int round = 0; round < 20; ++round) {
        driver.apply_as<model::Sent>(make_publish(news, 500), mixed);
    }
    auto order = ready_sequences(driver, first_reader);
    ASSERT_THAT(order, SizeIs(1'000));
    for (int round = 0; round < 4; ++round) {
        order = ready_sequences(driver, first_reader);
        shuffle(order, 7);
        settle_in_parts(driver, order);
        driver.check_invariants();
    }
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    EXPECT_EQ(rows_of(driver, 'm', first_reader), 0U);
    EXPECT_EQ(state_of(driver, first_reader).cursor, 10'001U);
}

TEST(Settle, AnOutcomeOfAnotherGenerationChangesNothing) {
    CoreDriver driver = with_reader(http_spec());
    publish(driver, news);
    model::Settle command{
        first_reader, {outcome(1, Verdict::accepted, 7)}, model::no_ordinal, 0, {}};
    driver.done(command);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1));
}

TEST(Settle, AnOutcomeOfASettledDeliveryChangesNothing) {
    CoreDriver driver = with_reader(http_spec());
    publish(driver, news, 3);
    settle(driver, first_reader, {1, 3}, Verdict::accepted);
    settle(driver, first_reader, {1, 3, 3}, Verdict::rejected);
    settle(driver, first_reader, {1, 3}, Verdict::retry);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2));
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->dropped, 0U);
}

TEST(Settle, AnOutcomeOfADeliveryThatWaitsChangesNothing) {
    CoreDriver driver = with_reader(http_spec());
    publish(driver, news);
    settle(driver, first_reader, {1, 1, 1}, Verdict::retry);
    settle(driver, first_reader, {1}, Verdict::accepted);
    const auto waiting = core::waiting_deliveries(driver.rows(), first_reader, 0, 10);
    ASSERT_THAT(waiting, SizeIs(1));
    EXPECT_EQ(waiting[0].attempts, 1U);
}

TEST(Settle, AnOutcomeOfASequenceBeyondTheLogChangesNothing) {
    CoreDriver driver = with_reader(http_spec());
    publish(driver, news);
    settle(driver, first_reader, {2, Sequence{1} << 39}, Verdict::accepted);
    settle(driver, second_reader, {1}, Verdict::accepted);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1));
}

TEST(Settle, ReadyDeliveriesStopAtTheirLimitsAndSayThereIsMore) {
    CoreDriver driver = with_reader(http_spec());
    publish(driver, news, 10);
    const auto first = core::ready_deliveries(driver.rows(), first_reader, 0, 4, 1'000);
    EXPECT_THAT(first.items, SizeIs(4));
    EXPECT_TRUE(first.more);
    EXPECT_EQ(first.fresh, 5U);
    const auto second = core::ready_deliveries(driver.rows(), first_reader, first.fresh, 10, 3);
    EXPECT_THAT(second.items, SizeIs(3));
    EXPECT_TRUE(second.more);
    const auto last = core::ready_deliveries(driver.rows(), first_reader, second.fresh, 10, 1'000);
    EXPECT_THAT(last.items, SizeIs(3));
    EXPECT_FALSE(last.more);
}

TEST(Settle, APageFilledByRetriesSaysThatFreshOnesWait) {
    CoreDriver driver = with_reader(http_spec());
    publish(driver, news, 3);
    settle(driver, first_reader, {1}, Verdict::retry);
    driver.advance(1'000);
    const auto page = core::ready_deliveries(driver.rows(), first_reader, 2, 1, 1'000);
    ASSERT_THAT(page.items, SizeIs(1));
    EXPECT_EQ(page.items[0].sequence, 1U);
    EXPECT_EQ(page.items[0].attempt, 2U);
    EXPECT_TRUE(page.more);
}

}  // namespace

}  // namespace penstock::testing
