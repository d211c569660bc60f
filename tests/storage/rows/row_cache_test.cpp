// The rows read last: never another value than was written last, and never more than allowed.
#include "broker/storage/rows/row_cache.h"

#include "broker/base/random.h"

#include <gtest/gtest.h>

#include <map>

namespace penstock::storage {
namespace {

using model::RowWrite;
using Kind = RowWrite::Kind;

constexpr std::size_t roomy = 1 << 20;

TEST(RowCache, KnowsWhatWasReadAndNothingElse) {
    RowCache cache(roomy);
    EXPECT_EQ(cache.find("a"), nullptr);
    cache.keep("a", "1");
    cache.keep("b", std::nullopt);
    ASSERT_NE(cache.find("a"), nullptr);
    EXPECT_EQ(*cache.find("a"), "1");
    ASSERT_NE(cache.find("b"), nullptr);
    EXPECT_EQ(*cache.find("b"), std::nullopt);
    EXPECT_EQ(cache.find("c"), nullptr);
}

TEST(RowCache, ForgetsWhatIsWritten) {
    RowCache cache(roomy);
    for (const char* key : {"a", "b", "c", "d"}) cache.keep(key, "old");
    cache.keep("e", std::nullopt);
    cache.forget({{Kind::put, "a", "new"},
                  {Kind::erase, "b", {}},
                  {Kind::erase_range, "c", "d"},
                  {Kind::put, "e", "there"},
                  {Kind::put, "f", "unread"}});
    for (const char* key : {"a", "b", "c", "e", "f"}) EXPECT_EQ(cache.find(key), nullptr) << key;
    EXPECT_EQ(*cache.find("d"), "old");
}

TEST(RowCache, LetsGoOfWhatWasNotReadForLongest) {
    RowCache cache(20'000);
    for (int row = 0; row < 1'000; ++row) {
        cache.keep("row " + std::to_string(row), std::string(100, 'x'));
        ASSERT_LE(cache.bytes(), 20'000U);
        ASSERT_NE(cache.find("row 0"), nullptr) << row;
    }
    EXPECT_EQ(cache.find("row 1"), nullptr);
    EXPECT_NE(cache.find("row 999"), nullptr);
    EXPECT_GT(cache.bytes(), 15'000U);
}

TEST(RowCache, KeepsNoRowThatWouldCrowdOutTheOthers) {
    RowCache cache(64'000);
    cache.keep("a", "1");
    cache.keep("b", std::string(1'000, 'x'));
    EXPECT_EQ(cache.find("b"), nullptr);
    EXPECT_NE(cache.find("a"), nullptr);
}

TEST(RowCache, OfNoSizeKeepsNothing) {
    RowCache cache(0);
    cache.keep("a", "1");
    EXPECT_EQ(cache.find("a"), nullptr);
}

TEST(RowCache, AgreesWithTheRowsWhateverIsReadAndWritten) {
    SeededRandom random(20261122);
    RowCache cache(16'000);
    std::map<std::string, std::string> rows;
    const auto any_key = [&random] {
        return std::to_string(100 + random.below(100));
    };
    std::uint64_t known = 0;
    for (int step = 0; step < 20'000; ++step) {
        const std::string key = any_key();
        const auto kind = random.below(100);
        if (kind < 60) {
            const auto row = rows.find(key);
            const RowCache::Value wanted =
                row == rows.end() ? RowCache::Value() : RowCache::Value(row->second);
            if (const RowCache::Value* found = cache.find(key)) {
                ++known;
                ASSERT_EQ(*found, wanted) << key;
            } else {
                cache.keep(key, wanted);
            }
        } else if (kind < 85) {
            rows[key] = random.fill(random.below(200));
            cache.forget({{Kind::put, key, rows[key]}});
        } else if (kind < 99) {
            rows.erase(key);
            cache.forget({{Kind::erase, key, {}}});
        } else {
            const std::string end = any_key();
            if (key < end) rows.erase(rows.lower_bound(key), rows.lower_bound(end));
            cache.forget({{Kind::erase_range, key, end}});
        }
        ASSERT_LE(cache.bytes(), 16'000U);
    }
    EXPECT_GT(known, 3'000U);
}

}  // namespace
}  // namespace penstock::storage
