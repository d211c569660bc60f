// The key-value store of a function: what is written with an acknowledgement, how long it lives,
// what a handler's reads are compared with, and its limits.
#include "tests/core/function_commands.h"

#include <gmock/gmock.h>

#include <limits>

namespace penstock::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr model::TimeMs day_ms = 86'400'000;

std::string value_of(const CoreDriver& driver, std::string_view key) {
    return kv_of(driver, first_reader, key).value;
}

std::uint64_t version_of(const CoreDriver& driver, std::string_view key) {
    return kv_of(driver, first_reader, key).version;
}

std::string refusal_of(CoreDriver& driver) {
    const auto failure = only_failure(driver);
    if (!failure) return "no failing delivery";
    EXPECT_EQ(failure->failure, model::Failure::output_refused);
    EXPECT_EQ(failure->attempts, 1U);
    const auto bytes = driver.rows().get(core::keys::exception(first_reader, 0, failure->sequence));
    return core::decode<core::Exception>(*bytes).excerpt;
}

TEST(Kv, APutIsReadWithTheIndexOfItsEntryAsVersion) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("colour", "red")});
    EXPECT_EQ(value_of(driver, "colour"), "red");
    EXPECT_EQ(version_of(driver, "colour"), driver.index());
    EXPECT_EQ(version_of(driver, "shape"), 0U);
    EXPECT_EQ(kv_of(driver, second_reader, "colour").version, 0U);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
}

TEST(Kv, AnEmptyValueIsARowAndAnErasedOneIsNot) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("empty", "")});
    EXPECT_EQ(version_of(driver, "empty"), driver.index());
    EXPECT_EQ(value_of(driver, "empty"), "");
    write_kv(driver, {kv_erase("empty"), kv_erase("never there")});
    EXPECT_EQ(version_of(driver, "empty"), 0U);
    EXPECT_EQ(kv_rows(driver, first_reader), 0U);
}

TEST(Kv, TheTotalsFollowEveryWrite) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("a", "12345"), kv_put("bb", "1")});
    EXPECT_EQ(kv_totals(driver, first_reader).rows, 2U);
    EXPECT_EQ(kv_totals(driver, first_reader).bytes, 9U);
    write_kv(driver, {kv_put("a", "1"), kv_add("c", 100)});
    EXPECT_EQ(kv_totals(driver, first_reader).rows, 3U);
    EXPECT_EQ(kv_totals(driver, first_reader).bytes, 9U);
    write_kv(driver, {kv_erase("a"), kv_erase("bb"), kv_erase("c"), kv_erase("c")});
    EXPECT_EQ(kv_totals(driver, first_reader).rows, 0U);
    EXPECT_EQ(kv_totals(driver, first_reader).bytes, 0U);
}

TEST(Kv, WritesOfOneMessageSeeThoseBeforeThem) {
    CoreDriver driver = with_function();
    write_kv(driver,
             {kv_put("n", "7"), kv_add("n", 3), kv_erase("n"), kv_add("n", 5), kv_add("n", -9)});
    EXPECT_EQ(value_of(driver, "n"), "-4");
    EXPECT_EQ(kv_totals(driver, first_reader).bytes, 3U);
}

TEST(Kv, KeysOfAnyBytesStayApart) {
    CoreDriver driver = with_function();
    const std::string zero("k\0", 2);
    const std::string high("k\xff\xff", 3);
    write_kv(driver, {kv_put(zero, "zero"), kv_put("k", "plain"), kv_put(high, "high")});
    EXPECT_EQ(value_of(driver, zero), "zero");
    EXPECT_EQ(value_of(driver, "k"), "plain");
    EXPECT_EQ(value_of(driver, high), "high");
}

TEST(Kv, AnAddCountsFromZeroAndMayGoBelowIt) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_add("n", 3)});
    write_kv(driver, {kv_add("n", -5)});
    EXPECT_EQ(value_of(driver, "n"), "-2");
}

TEST(Kv, AnAddIsBlindAndNeverMoves) {
    CoreDriver driver = with_function();
    publish(driver, news, 2);
    model::Settle both = handled(first_reader, 1, with_writes({kv_add("n", 1)}));
    both.items.push_back(outcome(2, model::Verdict::accepted));
    both.commits.push_back(with_writes({kv_add("n", 10)}));
    both.commits[1].item = 1;
    EXPECT_EQ(driver.apply_as<model::Settled>(both), model::Settled{});
    EXPECT_EQ(value_of(driver, "n"), "11");
}

TEST(Kv, AnAddToWhatIsNoIntegerCountsAsAFailureAndChangesNothing) {
    for (const std::string text : {"seven", "", "7 ", " 7", "+7", "0x7", "7.0"}) {
        SCOPED_TRACE("value \"" + text + "\"");
        CoreDriver driver = with_function();
        write_kv(driver, {kv_put("n", text)});
        const auto settled = handle(driver, with_writes({kv_put("before", "x"), kv_add("n", 1)}));
        EXPECT_THAT(settled.refused, ElementsAre(0));
        EXPECT_THAT(refusal_of(driver), HasSubstr("its value is no integer"));
        EXPECT_EQ(value_of(driver, "n"), text);
        EXPECT_EQ(version_of(driver, "before"), 0U);
    }
}

TEST(Kv, AnAddBeyondSixtyFourBitsIsRefused) {
    CoreDriver driver = with_function();
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    write_kv(driver, {kv_add("n", largest)});
    EXPECT_EQ(value_of(driver, "n"), "9223372036854775807");
    handle(driver, with_writes({kv_add("n", 1)}));
    EXPECT_THAT(refusal_of(driver), HasSubstr("beyond 64 bits"));
    EXPECT_EQ(value_of(driver, "n"), "9223372036854775807");
}

TEST(Kv, AnAddToWhatAnEarlierWriteOfTheMessageMadeNoIntegerIsRefused) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("n", "1")});
    handle(driver, with_writes({kv_put("n", "one"), kv_add("n", 1)}));
    EXPECT_THAT(refusal_of(driver), HasSubstr("no integer"));
    EXPECT_EQ(value_of(driver, "n"), "1");
}

TEST(Kv, KeysAndValuesHaveTheirLargestSizes) {
    CoreDriver driver = with_function();
    const std::string key(model::kv_key_bytes_max, 'k');
    const std::string value(model::kv_value_bytes_max, 'v');
    write_kv(driver, {kv_put(key, value)});
    EXPECT_EQ(value_of(driver, key), value);
    EXPECT_EQ(kv_totals(driver, first_reader).bytes, 256U + 65'536U);
}

TEST(Kv, WhatIsTooLargeEmptyOrTooLongLivedIsRefused) {
    const std::vector<std::pair<model::KvWrite, std::string>> cases = {
        {kv_put("", "x"), "1 to 256 bytes"},
        {kv_erase(""), "1 to 256 bytes"},
        {kv_add(std::string(257, 'k'), 1), "1 to 256 bytes"},
        {kv_put("k", std::string(65'537, 'v')), "at most 65536 bytes"},
        {kv_put("k", "v", 366ULL * day_ms + 1), "at most 366 days"},
        {kv_add("k", 1, std::numeric_limits<std::uint64_t>::max()), "at most 366 days"}};
    for (const auto& [write, detail] : cases) {
        CoreDriver driver = with_function();
        handle(driver, with_writes({write}));
        EXPECT_THAT(refusal_of(driver), HasSubstr(detail));
        EXPECT_EQ(kv_rows(driver, first_reader), 0U);
    }
}

TEST(Kv, AFullStoreTakesNothingMoreButMayBeChangedAndEmptied) {
    CoreDriver driver = with_function(http_spec(), {0, 0});
    write_kv(driver, {kv_put("k", "12345678")});
    core::KvTotals full = kv_totals(driver, first_reader);
    full.bytes = model::kv_bytes_max;
    driver.put_row(core::keys::kv_totals(first_reader), core::encode(full));

    write_kv(driver, {kv_put("k", "abcdefgh")});
    write_kv(driver, {kv_put("k", "abc"), kv_put("l", "1234")});
    EXPECT_EQ(kv_totals(driver, first_reader).bytes, model::kv_bytes_max);
    EXPECT_EQ(only_failure(driver), std::nullopt);
    handle(driver, with_writes({kv_put("l", "12345")}));
    EXPECT_THAT(refusal_of(driver), HasSubstr("at most 256 MiB"));
    EXPECT_EQ(value_of(driver, "l"), "1234");
    write_kv(driver, {kv_erase("l"), kv_put("m", "1234")});
    EXPECT_EQ(value_of(driver, "m"), "1234");
}

TEST(Kv, ARowIsOverAtItsTimeAndGoesWithIt) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("short", "x", 1'000), kv_put("long", "y", 5'000), kv_put("ever", "")});
    driver.advance(999);
    EXPECT_EQ(value_of(driver, "short"), "x");
    driver.advance(1);
    EXPECT_EQ(version_of(driver, "short"), 0U);
    driver.apply({model::Tick{}});
    EXPECT_EQ(kv_rows(driver, first_reader), 2U);
    driver.advance(4'000);
    driver.apply({model::Tick{}});
    EXPECT_EQ(kv_rows(driver, first_reader), 1U);
    EXPECT_EQ(kv_totals(driver, first_reader).bytes, 4U);
}

// Nobody led for a while: the row is still there, but over.
TEST(Kv, ARowWhoseTimerIsLateCountsAsMissing) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_add("n", 41, 1'000)});
    const std::uint64_t version = version_of(driver, "n");
    const model::Sequence sequence = new_message(driver);
    driver.skip(1'000);
    EXPECT_EQ(kv_rows(driver, first_reader), 1U);
    EXPECT_EQ(version_of(driver, "n"), 0U);
    const auto late = driver.apply_as<model::Settled>(
        handled(first_reader, sequence, with_writes({kv_put("m", "x")}, {{"n", version}})));
    EXPECT_THAT(late.moved, ElementsAre(0));
    driver.done(handled(first_reader, sequence, with_writes({kv_add("n", 1, 1'000)}, {{"n", 0}})));
    EXPECT_EQ(value_of(driver, "n"), "1");
    EXPECT_EQ(kv_totals(driver, first_reader).rows, 1U);
    driver.advance(999);
    EXPECT_EQ(value_of(driver, "n"), "1");
    driver.advance(1);
    EXPECT_EQ(version_of(driver, "n"), 0U);
}

TEST(Kv, ALaterTimeToLiveAndNoneAtAllReplaceAnEarlierOne) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("a", "1", 1'000), kv_put("b", "1", 1'000), kv_put("c", "1", 9'000)});
    write_kv(driver, {kv_put("a", "2", 5'000), kv_put("b", "2"), kv_put("c", "2", 2'000)});
    driver.advance(1'999);
    EXPECT_EQ(value_of(driver, "a"), "2");
    EXPECT_EQ(value_of(driver, "c"), "2");
    driver.advance(1);
    EXPECT_EQ(version_of(driver, "c"), 0U);
    driver.advance(2'999);
    EXPECT_EQ(value_of(driver, "a"), "2");
    driver.advance(1);
    EXPECT_EQ(version_of(driver, "a"), 0U);
    driver.advance(60'000);
    EXPECT_EQ(value_of(driver, "b"), "2");
    EXPECT_EQ(kv_rows(driver, first_reader), 1U);
}

TEST(Kv, AnAddWithoutATimeToLiveKeepsTheEndOfItsRow) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_add("n", 1, 5'000), kv_add("ever", 1), kv_put("put", "1", 5'000)});
    driver.advance(1'000);
    write_kv(driver, {kv_add("n", 1), kv_add("ever", 1), kv_put("put", "2")});
    driver.advance(3'999);
    EXPECT_EQ(value_of(driver, "n"), "2");
    driver.advance(1);
    EXPECT_EQ(version_of(driver, "n"), 0U);
    write_kv(driver, {kv_add("n", 7)});
    driver.advance(day_ms);
    EXPECT_EQ(value_of(driver, "n"), "7") << "a new row";
    EXPECT_EQ(value_of(driver, "ever"), "2");
    EXPECT_EQ(value_of(driver, "put"), "2");
}

TEST(Kv, ACounterWithATimeToLiveHasOneTimerHoweverOftenItIsWritten) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_add("n", 1, 10'000)});
    const std::size_t armed = timers(driver);
    for (int at = 0; at < 50; ++at) {
        driver.skip(10);
        write_kv(driver, {kv_add("n", 1, 10'000)});
        write_kv(driver, {kv_erase("n"), kv_put("n", std::to_string(at + 1), 10'000)});
    }
    EXPECT_EQ(timers(driver), armed);
    driver.advance(9'999);
    EXPECT_EQ(value_of(driver, "n"), "50");
    driver.advance(1);
    EXPECT_EQ(version_of(driver, "n"), 0U);
    EXPECT_EQ(kv_rows(driver, first_reader), 0U);
}

TEST(Kv, AnErasedRowThatStillHasItsTimerIsNotThere) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("k", "value", 10'000)});
    write_kv(driver, {kv_erase("k")});
    EXPECT_EQ(version_of(driver, "k"), 0U);
    EXPECT_EQ(kv_totals(driver, first_reader).bytes, 1U);
    write_kv(driver, {kv_put("k", "for ever")});
    driver.advance(day_ms);
    EXPECT_EQ(value_of(driver, "k"), "for ever");
    write_kv(driver, {kv_erase("k")});
    EXPECT_EQ(kv_rows(driver, first_reader), 0U);
}

TEST(Kv, ARowThatWasChangedSinceItWasReadHasMoved) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("k", "1")});
    const std::uint64_t read = version_of(driver, "k");
    write_kv(driver, {kv_put("k", "1")});
    const model::Settled settled = handle(driver, with_writes({kv_put("k", "2")}, {{"k", read}}));
    EXPECT_THAT(settled.moved, ElementsAre(0));
    EXPECT_EQ(value_of(driver, "k"), "1");
    EXPECT_THAT(ready(driver, first_reader), ::testing::SizeIs(1));
    EXPECT_EQ(only_failure(driver), std::nullopt);
}

TEST(Kv, ARowThatCameOrWentSinceItWasReadHasMoved) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("came", "1"), kv_put("goes", "1")});
    const std::uint64_t read = version_of(driver, "goes");
    write_kv(driver, {kv_erase("goes")});
    EXPECT_THAT(handle(driver, with_writes({}, {{"came", 0}})).moved, ElementsAre(0));
    EXPECT_THAT(handle(driver, with_writes({}, {{"goes", read}})).moved, ElementsAre(0));
    EXPECT_THAT(handle(driver, with_writes({}, {{"goes", 0}})).moved, IsEmpty());
}

// The same value again is another version: A, B, A is no A.
TEST(Kv, ARowThatWasErasedAndPutBackHasMoved) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("k", "A")});
    const std::uint64_t read = version_of(driver, "k");
    write_kv(driver, {kv_put("k", "B")});
    write_kv(driver, {kv_put("k", "A")});
    EXPECT_THAT(handle(driver, with_writes({}, {{"k", read}})).moved, ElementsAre(0));
    write_kv(driver, {kv_erase("k")});
    write_kv(driver, {kv_put("k", "A")});
    EXPECT_THAT(handle(driver, with_writes({}, {{"k", read}})).moved, ElementsAre(0));
}

TEST(Kv, OfTwoHandlersThatReadTheSameRowInOneCommandTheFirstWins) {
    CoreDriver driver = with_function();
    write_kv(driver, {kv_put("n", "5")});
    const std::uint64_t read = version_of(driver, "n");
    publish(driver, news, 3);
    const auto sequences = ready_sequences(driver, first_reader);
    model::Settle command = handled(first_reader, sequences[0], {});
    for (std::uint32_t at = 1; at < 3; ++at) {
        command.items.push_back(outcome(sequences[at], model::Verdict::accepted));
    }
    command.commits = {with_writes({kv_put("n", "6")}, {{"n", read}}),
                       with_writes({kv_put("n", "6")}, {{"n", read}}),
                       with_writes({kv_put("other", "x")}, {{"unread", 0}})};
    for (std::uint32_t at = 0; at < 3; ++at) command.commits[at].item = at;
    EXPECT_THAT(driver.apply_as<model::Settled>(command).moved, ElementsAre(1));
    EXPECT_EQ(value_of(driver, "n"), "6");
    EXPECT_EQ(value_of(driver, "other"), "x");
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(sequences[1]));
}

TEST(Kv, TwoSettlesOfOneEntryAreSeenInTurn) {
    CoreDriver driver = with_function();
    publish(driver, news, 2);
    const auto replies =
        driver.apply({handled(first_reader, 1, with_writes({kv_put("n", "1")}, {{"n", 0}})),
                      handled(first_reader, 2, with_writes({kv_put("n", "2")}, {{"n", 0}}))});
    EXPECT_EQ(std::get<model::Settled>(replies.at(0)), model::Settled{});
    EXPECT_THAT(std::get<model::Settled>(replies.at(1)).moved, ElementsAre(0));
    EXPECT_EQ(value_of(driver, "n"), "1");
}

TEST(Kv, FunctionsDoNotSeeEachOthersRows) {
    CoreDriver driver = with_function();
    driver.done(make_subscription(second_reader, http_spec()));
    publish(driver, news);
    driver.apply({handled(first_reader, 1, with_writes({kv_put("k", "first")}, {{"k", 0}})),
                  handled(second_reader, 1, with_writes({kv_put("k", "second")}, {{"k", 0}}))});
    EXPECT_EQ(kv_of(driver, first_reader, "k").value, "first");
    EXPECT_EQ(kv_of(driver, second_reader, "k").value, "second");
}

TEST(Kv, GoesWithItsSubscription) {
    CoreDriver driver = with_function();
    driver.done(make_subscription(second_reader, http_spec()));
    write_kv(driver, {kv_put("k", "x"), kv_put("t", "x", 5'000)});
    driver.done(handled(second_reader, 1, with_writes({kv_put("k", "stays")})));
    driver.done(model::Unsubscribe{first_reader});
    EXPECT_EQ(kv_rows(driver, first_reader), 0U);
    EXPECT_FALSE(driver.rows().get(core::keys::kv_totals(first_reader)));
    EXPECT_EQ(kv_of(driver, second_reader, "k").value, "stays");
    driver.advance(10'000);
    EXPECT_EQ(kv_rows(driver, first_reader), 0U);
    EXPECT_FALSE(driver.rows().get(core::keys::kv_totals(first_reader)));
}

TEST(Kv, AWriteInTheEntryThatRemovesTheSubscriptionLeavesNothing) {
    CoreDriver driver = with_function();
    publish(driver, news);
    driver.apply({handled(first_reader, 1, with_writes({kv_put("k", "x", 1'000)})),
                  model::Unsubscribe{first_reader},
                  handled(first_reader, 1, with_writes({kv_put("k", "x")}))});
    EXPECT_EQ(kv_rows(driver, first_reader), 0U);
    driver.advance(5'000);
    EXPECT_FALSE(driver.rows().get(core::keys::kv_totals(first_reader)));
}

}  // namespace

}  // namespace penstock::testing
