// Rows that are not in RocksDB yet: what they say of a key, and what two of them and the rows below
// make together.
#include "broker/storage/rows/fresh_rows.h"

#include "broker/base/random.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::storage {
namespace {

using Map = std::map<std::string, std::string, std::less<>>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(FreshRows, SayWhatWasWrittenAndNothingElse) {
    FreshRows fresh;
    EXPECT_EQ(fresh.bytes(), 0U);
    fresh.put("a", "1");
    fresh.erase("b");
    ASSERT_NE(fresh.find("a"), nullptr);
    EXPECT_EQ(fresh.find("a")->value, "1");
    EXPECT_FALSE(fresh.find("a")->erased);
    ASSERT_NE(fresh.find("b"), nullptr);
    EXPECT_TRUE(fresh.find("b")->erased);
    EXPECT_EQ(fresh.find("c"), nullptr);
}

TEST(FreshRows, KnowWhichErasedRowsWerePutHere) {
    FreshRows fresh;
    fresh.put("came and went", "1");
    fresh.erase("came and went");
    fresh.erase("was before");
    fresh.put("was before", "1");
    fresh.erase("was before");
    EXPECT_TRUE(fresh.find("came and went")->was_put);
    EXPECT_FALSE(fresh.find("was before")->was_put);
}

TEST(FreshRows, AnErasedRangeHidesWhatLiesBelowButNotWhatCameAfterIt) {
    FreshRows fresh;
    fresh.put("b", "old");
    fresh.erase_range("b", "d");
    fresh.put("c", "new");
    EXPECT_TRUE(fresh.find("b")->erased);
    EXPECT_EQ(fresh.find("c")->value, "new");
    EXPECT_EQ(fresh.find("a"), nullptr);
    EXPECT_EQ(fresh.find("d"), nullptr);
    fresh.erase("c");
    EXPECT_TRUE(fresh.rows().empty()) << "the range says it already";
    EXPECT_TRUE(fresh.find("c")->erased);
    fresh.erase_range("d", "a");
    EXPECT_EQ(fresh.find("d"), nullptr);
}

TEST(FreshRows, BytesAreThoseOfTheRowsThatAreThere) {
    FreshRows fresh;
    fresh.put("a", std::string(1'000, 'x'));
    const std::size_t one = fresh.bytes();
    EXPECT_GE(one, 1'000U);
    fresh.put("a", std::string(1'000, 'y'));
    EXPECT_EQ(fresh.bytes(), one) << "written again it takes no more";
    fresh.erase("a");
    EXPECT_LE(fresh.bytes(), one - 1'000);
    EXPECT_GT(fresh.bytes(), 0U);
    fresh.put("a", std::string(1'000, 'x'));
    EXPECT_EQ(fresh.bytes(), one);
}

// What is below, older and newest, and what all of it makes, kept beside in plain maps.
class Layers {
  public:
    explicit Layers(SeededRandom& random) : random_(random) {
        for (int row = 0; row < 30; ++row) below_[key()] = random_.fill(3);
        wanted_ = below_;
        write(older_);
        write(newest_);
    }

    [[nodiscard]] std::string key() {
        const std::string at(1, static_cast<char>('a' + random_.below(20)));
        return random_.below(3) == 0 ? at : at + at;
    }

    // From `first` on or, if that is later, from the first row below that counts.
    [[nodiscard]] Pairs scanned(std::string_view first, std::string_view end, std::size_t limit) {
        Pairs found;
        RowsBelow below;
        below.from = first;
        if (random_.below(2) == 0) below.from = first_that_counts(first, end);
        below.scan = [&](const RowsBelow::See& see) {
            for (auto at = below_.lower_bound(below.from); at != below_.end() && at->first < end;
                 ++at) {
                const Lower row = see(at->first, at->second);
                if (row == Lower::unwanted) return;
                EXPECT_EQ(row == Lower::shown, counts(at->first));
            }
        };
        scan_over(newest_, &older_, first, end, below, [&](auto key, auto value) {
            found.emplace_back(key, value);
            return found.size() < limit;
        });
        return found;
    }

    [[nodiscard]] Pairs wanted(std::string_view first, std::string_view end, std::size_t limit) {
        Pairs found;
        for (auto at = wanted_.lower_bound(first); at != wanted_.end() && at->first < end; ++at) {
            if (found.size() < limit) found.emplace_back(*at);
        }
        return found;
    }

  private:
    [[nodiscard]] bool counts(std::string_view key) const {
        return newest_.find(key) == nullptr && older_.find(key) == nullptr;
    }

    [[nodiscard]] std::string first_that_counts(std::string_view first, std::string_view end) {
        auto at = below_.lower_bound(first);
        while (at != below_.end() && at->first < end && !counts(at->first)) ++at;
        return at == below_.end() || at->first >= end ? std::string(end) : at->first;
    }

    void write(FreshRows& fresh) {
        for (auto writes = random_.below(30); writes > 0; --writes) {
            const std::string one = key();
            const auto kind = random_.below(10);
            if (kind < 5) {
                wanted_[one] = random_.fill(3);
                fresh.put(one, wanted_[one]);
            } else if (kind < 9) {
                wanted_.erase(one);
                fresh.erase(one);
            } else if (const std::string end = key(); one < end) {
                wanted_.erase(wanted_.lower_bound(one), wanted_.lower_bound(end));
                fresh.erase_range(one, end);
            }
        }
    }

    SeededRandom& random_;
    Map below_;
    FreshRows older_;
    FreshRows newest_;
    Map wanted_;
};

TEST(FreshRows, AScanOverThemGivesWhatTheWritesOneAfterTheOtherMake) {
    SeededRandom random(20261122);
    for (int round = 0; round < 2'000; ++round) {
        Layers layers(random);
        for (int scan = 0; scan < 5; ++scan) {
            const std::string first = layers.key();
            const std::string end = layers.key() + "z";
            if (first >= end) continue;
            const std::size_t limit = 1 + random.below(12);
            ASSERT_EQ(layers.scanned(first, end, limit), layers.wanted(first, end, limit)) << round;
        }
        ASSERT_EQ(layers.scanned("a", "{", 1'000), layers.wanted("a", "{", 1'000)) << round;
    }
}

TEST(FreshRows, AloneOverRowsBelowTheyScanToo) {
    FreshRows fresh;
    fresh.put("b", "2");
    fresh.erase("c");
    Pairs found;
    RowsBelow below;
    below.from = "a";
    below.scan = [](const RowsBelow::See& see) {
        EXPECT_EQ(see("a", "below"), Lower::shown);
        EXPECT_EQ(see("c", "below"), Lower::hidden);
        EXPECT_EQ(see("d", "below"), Lower::shown);
    };
    scan_over(fresh, nullptr, "a", "z", below, [&](auto key, auto value) {
        found.emplace_back(key, value);
        return true;
    });
    EXPECT_EQ(found, (Pairs{{"a", "below"}, {"b", "2"}, {"d", "below"}}));
}

TEST(FreshRows, WhatLiesBelowIsNotLookedAtBehindWhatIsEnough) {
    FreshRows fresh;
    fresh.put("b", "2");
    fresh.put("d", "4");
    int looked = 0;
    RowsBelow below;
    below.from = "c";
    below.scan = [&](const RowsBelow::See&) { ++looked; };
    const auto scan = [&](std::string_view end, std::size_t limit) {
        Pairs found;
        scan_over(fresh, nullptr, "a", end, below, [&](auto key, auto value) {
            found.emplace_back(key, value);
            return found.size() < limit;
        });
        return found;
    };
    EXPECT_EQ(scan("z", 1), (Pairs{{"b", "2"}}));
    EXPECT_EQ(scan("c", 9), (Pairs{{"b", "2"}})) << "nothing below counts before c";
    EXPECT_EQ(looked, 0);
    EXPECT_EQ(scan("z", 2), (Pairs{{"b", "2"}, {"d", "4"}}));
    EXPECT_EQ(looked, 1);
}

}  // namespace
}  // namespace penstock::storage
