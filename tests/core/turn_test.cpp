// A turn's view of rows equals the rows once its batch is applied, whatever was written, erased and
// erased by range in whatever order.
#include "broker/core/turn.h"

#include "broker/base/random.h"
#include "broker/storage/rows/row_store.h"

#include <gtest/gtest.h>

#include <map>

namespace penstock::core {

namespace {

using Content = std::map<std::string, std::string>;

std::string random_key(SeededRandom& random) {
    std::string key = "z";
    const std::uint64_t letters = 1 + random.below(2);
    for (std::uint64_t at = 0; at < letters; ++at) {
        key.push_back(static_cast<char>('a' + random.below(8)));
    }
    return key;
}

Content read_all(const model::Rows& rows, const std::string& first, const std::string& end) {
    Content content;
    std::string previous;
    rows.scan(first, end, [&](std::string_view key, std::string_view value) {
        EXPECT_GT(key, previous);
        previous = key;
        content.emplace(key, value);
        return true;
    });
    return content;
}

void change(Turn& turn, Content& expected, SeededRandom& random) {
    const std::string key = random_key(random);
    switch (random.below(5)) {
        case 0:
            turn.erase(key);
            expected.erase(key);
            return;
        case 1: {
            std::string end = random_key(random);
            if (end <= key) return;
            expected.erase(expected.lower_bound(key), expected.lower_bound(end));
            turn.erase_range(key, std::move(end));
            return;
        }
        default: {
            std::string value = std::to_string(random.below(1'000));
            expected[key] = value;
            turn.put(key, std::move(value));
        }
    }
}

TEST(Turn, ShowsWhatItsBatchWillMake) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        SeededRandom random(seed);
        const auto rows = storage::make_memory_rows();
        Turn::Caches caches;
        Content expected;
        for (model::LogIndex index = 1; index <= 10; ++index) {
            model::Entry entry;
            entry.index = index;
            Turn turn(entry, *rows, caches);
            const std::uint64_t changes = random.below(20);
            for (std::uint64_t at = 0; at < changes; ++at) change(turn, expected, random);
            ASSERT_EQ(read_all(turn, "z", "zz"), expected) << "seed " << seed;
            const std::string first = random_key(random);
            const std::string end = random_key(random);
            if (first < end) {
                ASSERT_EQ(read_all(turn, first, end),
                          Content(expected.lower_bound(first), expected.lower_bound(end)));
            }
            const auto found = expected.find(first);
            const auto got = turn.get(first);
            ASSERT_EQ(got.has_value(), found != expected.end());
            if (got) {
                ASSERT_EQ(*got, found->second);
            }
            ASSERT_TRUE(rows->apply(turn.finish().batch, index));
            ASSERT_EQ(read_all(*rows, "z", "zz"), expected) << "seed " << seed;
        }
    }
}

TEST(Turn, AScanStopsWhereItsVisitorSaysSo) {
    const auto rows = storage::make_memory_rows();
    ASSERT_TRUE(rows->apply(
        {{model::RowWrite::Kind::put, "a", "1"}, {model::RowWrite::Kind::put, "c", "3"}}, 1));
    Turn::Caches caches;
    model::Entry entry;
    Turn turn(entry, *rows, caches);
    turn.put("b", "2");
    turn.put("d", "4");
    for (std::size_t limit = 1; limit <= 4; ++limit) {
        std::string seen;
        turn.scan("a", "e", [&](std::string_view key, std::string_view) {
            seen += key;
            return seen.size() < limit;
        });
        EXPECT_EQ(seen, std::string("abcd").substr(0, limit));
    }
}

TEST(Turn, ReadingWritesNothing) {
    const auto rows = storage::make_memory_rows();
    Turn::Caches caches;
    model::Entry entry;
    Turn turn(entry, *rows, caches);
    turn.head(ObjectNo{1});
    turn.delivery(ObjectNo{1});
    turn.globals();
    EXPECT_EQ(turn.queue(ObjectNo{1}), nullptr);
    EXPECT_TRUE(turn.finish().batch.empty());
}

TEST(Block, IsTheSameAfterItsRow) {
    SeededRandom random(7);
    for (int round = 0; round < 200; ++round) {
        Block block;
        const std::uint64_t ranges = random.below(round % 2 == 0 ? 8 : 900);
        for (std::uint64_t at = 0; at < ranges; ++at) {
            const std::size_t first = random.below(Block::bits);
            const std::size_t longest = std::min<std::size_t>(Block::bits - first, 200);
            if (ranges > 8)
                block.set(first);
            else
                block.set_range(first, first + 1 + random.below(longest));
        }
        EXPECT_EQ(decode<Block>(encode(block)), block);
        EXPECT_LE(encode(block).size(), Block::bits / 8 + 1);
    }
    Block all;
    all.set_range(0, Block::bits);
    EXPECT_EQ(decode<Block>(encode(all)), all);
    EXPECT_LE(encode(all).size(), 4U);
}

TEST(Block, FindsSetAndClearBits) {
    Block block;
    EXPECT_EQ(block.next_set(0), Block::bits);
    EXPECT_EQ(block.next_clear(0), 0U);
    block.set_range(60, 130);
    block.set(4'095);
    EXPECT_EQ(block.next_set(0), 60U);
    EXPECT_EQ(block.next_clear(60), 130U);
    EXPECT_EQ(block.next_set(130), 4'095U);
    EXPECT_EQ(block.next_clear(4'095), Block::bits);
    EXPECT_EQ(block.next_set(Block::bits), Block::bits);
    EXPECT_TRUE(block.has(129));
    EXPECT_FALSE(block.has(130));
}

TEST(Turn, KnowsTheRunItWasToldOfUntilRunsAreErased) {
    const ObjectNo log{7};
    const auto rows = storage::make_memory_rows();
    Turn::Caches caches;
    const model::Entry entry;
    Turn turn(entry, *rows, caches);
    core::Run run;
    run.first = 10;
    run.ordinals = {0, 1, 2};
    EXPECT_EQ(turn.known_run(log, 10), nullptr);
    const auto expect_known = [&] {
        turn.know_run(log, run);
        EXPECT_EQ(turn.known_run(log, 9), nullptr);
        ASSERT_NE(turn.known_run(log, 10), nullptr);
        EXPECT_EQ(turn.known_run(log, 12)->first, 10U);
        EXPECT_EQ(turn.known_run(log, 13), nullptr);
        EXPECT_EQ(turn.known_run(ObjectNo{8}, 10), nullptr);
    };
    expect_known();
    turn.erase(keys::head(log));
    EXPECT_NE(turn.known_run(log, 10), nullptr);
    turn.erase(keys::run(log, 12));
    EXPECT_EQ(turn.known_run(log, 10), nullptr);
    expect_known();
    turn.erase_range(keys::prefix('l', log), keys::prefix_end('l', log));
    EXPECT_EQ(turn.known_run(log, 10), nullptr);
}

}  // namespace

}  // namespace penstock::core
