// What every RowStore promises, run on the rows in memory and on RocksDB.
#include "broker/base/random.h"
#include "broker/storage/rows/applied_index.h"
#include "broker/storage/rows/row_store.h"
#include "tests/support/memory_disk.h"
#include "tests/support/temp_folder.h"

#include <gtest/gtest.h>

namespace penstock::storage {
namespace {

using model::LogIndex;
using model::RowBatch;
using model::RowWrite;

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Model = std::map<std::string, std::string>;

RowWrite put(std::string key, std::string value) {
    return {RowWrite::Kind::put, std::move(key), std::move(value)};
}

RowWrite erase(std::string key) {
    return {RowWrite::Kind::erase, std::move(key), {}};
}

RowWrite erase_range(std::string first, std::string end) {
    return {RowWrite::Kind::erase_range, std::move(first), std::move(end)};
}

// Opens one kind of store, again and again, over what the one before left behind.
class Place {
  public:
    virtual ~Place() = default;
    virtual std::unique_ptr<RowStore> open() = 0;

    // Where a checkpoint goes, and what it opens as: to be read only, and as a store.
    [[nodiscard]] virtual std::string checkpoint() const = 0;
    virtual std::unique_ptr<model::Rows> view() = 0;
    virtual std::unique_ptr<RowStore> open_checkpoint() = 0;
};

class MemoryPlace final : public Place {
  public:
    std::unique_ptr<RowStore> open() override { return make_memory_rows(&image_, &disk_); }

    [[nodiscard]] std::string checkpoint() const override { return "/data/checkpoint"; }

    std::unique_ptr<model::Rows> view() override { return open_checkpoint(); }

    std::unique_ptr<RowStore> open_checkpoint() override {
        auto read = read_memory_rows(disk_, checkpoint());
        EXPECT_TRUE(read) << read.error().detail;
        copy_ = std::move(*read);
        return make_memory_rows(&copy_);
    }

  private:
    MemoryRowsImage image_;
    MemoryRowsImage copy_;
    penstock::testing::MemoryDisk disk_;
};

class RocksPlace final : public Place {
  public:
    std::unique_ptr<RowStore> open() override {
        RowStoreOptions options;
        options.memtable_bytes = 1 << 20;
        auto opened = open_rocks_rows(folder_.file("rows"), options);
        EXPECT_TRUE(opened) << opened.error().detail;
        return std::move(*opened);
    }

    [[nodiscard]] std::string checkpoint() const override { return folder_.file("checkpoint"); }

    std::unique_ptr<model::Rows> view() override {
        auto opened = open_rocks_view(checkpoint());
        EXPECT_TRUE(opened) << opened.error().detail;
        return std::move(*opened);
    }

    std::unique_ptr<RowStore> open_checkpoint() override {
        auto opened = open_rocks_rows(checkpoint(), {});
        EXPECT_TRUE(opened) << opened.error().detail;
        return std::move(*opened);
    }

  private:
    testing::TempFolder folder_;
};

std::unique_ptr<Place> make_place(const std::string& kind) {
    if (kind == "memory") return std::make_unique<MemoryPlace>();
    return std::make_unique<RocksPlace>();
}

class RowStoreContract : public ::testing::TestWithParam<std::string> {
  protected:
    void apply(const RowBatch& batch, LogIndex applied) {
        auto outcome = rows_->apply(batch, applied);
        ASSERT_TRUE(outcome) << outcome.error().detail;
    }

    [[nodiscard]] Pairs scan(std::string_view first,
                             std::string_view end,
                             std::size_t limit = 100'000) const {
        Pairs found;
        rows_->scan(first, end, [&](std::string_view key, std::string_view value) {
            found.emplace_back(key, value);
            return found.size() < limit;
        });
        return found;
    }

    // What a killed process leaves: no flush, no farewell.
    void crash_and_reopen() {
        rows_.reset();
        rows_ = place_->open();
    }

    [[nodiscard]] LogIndex stored_applied() const {
        const auto value = rows_->get(applied_index_key);
        if (!value) return 0;
        return decode_applied(*value).value_or(UINT64_MAX);
    }

    std::unique_ptr<Place> place_ = make_place(GetParam());
    std::unique_ptr<RowStore> rows_ = place_->open();
};

INSTANTIATE_TEST_SUITE_P(Rows,
                         RowStoreContract,
                         ::testing::Values("memory", "rocksdb"),
                         [](const auto& tested) { return tested.param; });

TEST_P(RowStoreContract, ANewStoreIsEmptyAndHasAppliedNothing) {
    EXPECT_EQ(rows_->flushed_applied(), 0U);
    EXPECT_EQ(rows_->get("a"), std::nullopt);
    EXPECT_EQ(scan("", "\xFF"), Pairs{});
    EXPECT_TRUE(rows_->health());
    EXPECT_FALSE(rows_->pressured());
    EXPECT_EQ(rows_->unflushed_bytes(), 0U);
}

TEST_P(RowStoreContract, ReadsSeeEveryEarlierBatch) {
    apply({put("a", "1"), put("b", "2")}, 1);
    EXPECT_EQ(rows_->get("a"), "1");
    apply({put("a", "3"), erase("b")}, 2);
    EXPECT_EQ(rows_->get("a"), "3");
    EXPECT_EQ(rows_->get("b"), std::nullopt);
}

TEST_P(RowStoreContract, WritesOfABatchTakeEffectInOrder) {
    apply({put("a", "1"), erase("a"), put("a", "2"), put("b", "1"), erase_range("b", "c")}, 1);
    EXPECT_EQ(scan("a", "z"), (Pairs{{"a", "2"}}));
    apply({erase_range("a", "c"), put("b", "3")}, 2);
    EXPECT_EQ(scan("a", "z"), (Pairs{{"b", "3"}}));
}

TEST_P(RowStoreContract, KeysAndValuesMayHoldAnyBytesAndSortUnsigned) {
    const std::string zero("k\0z", 3);
    apply({put("k\xFF", "high"), put("k", ""), put(zero, zero), put("k\x7F", "low")}, 1);
    EXPECT_EQ(scan("k", "l"),
              (Pairs{{"k", ""}, {zero, zero}, {"k\x7F", "low"}, {"k\xFF", "high"}}));
}

TEST_P(RowStoreContract, AScanBeginsAtTheFirstKeyAndEndsBeforeTheEnd) {
    apply({put("a", "1"), put("b", "2"), put("c", "3"), put("d", "4")}, 1);
    EXPECT_EQ(scan("b", "d"), (Pairs{{"b", "2"}, {"c", "3"}}));
    EXPECT_EQ(scan("aa", "cc"), (Pairs{{"b", "2"}, {"c", "3"}}));
    EXPECT_EQ(scan("b", "b"), Pairs{});
    EXPECT_EQ(scan("c", "b"), Pairs{});
    EXPECT_EQ(scan("e", "z"), Pairs{});
}

TEST_P(RowStoreContract, AScanStopsWhenTheVisitorHasEnough) {
    apply({put("a", "1"), put("b", "2"), put("c", "3")}, 1);
    EXPECT_EQ(scan("a", "z", 2), (Pairs{{"a", "1"}, {"b", "2"}}));
}

TEST_P(RowStoreContract, EraseRangeTakesItsFirstKeyAndSparesItsEnd) {
    apply({put("a", "1"), put("b", "2"), put("c", "3"), put("d", "4")}, 1);
    ASSERT_TRUE(rows_->flush());
    apply({erase_range("b", "d")}, 2);
    EXPECT_EQ(scan("a", "z"), (Pairs{{"a", "1"}, {"d", "4"}}));
    EXPECT_EQ(rows_->get("b"), std::nullopt);
    apply({erase_range("d", "a"), erase_range("a", "a")}, 3);
    EXPECT_EQ(scan("a", "z"), (Pairs{{"a", "1"}, {"d", "4"}}));
}

TEST_P(RowStoreContract, TheAppliedIndexTravelsWithTheRows) {
    apply({put("a", "1")}, 7);
    EXPECT_EQ(stored_applied(), 7U);
    EXPECT_EQ(rows_->flushed_applied(), 0U);
    ASSERT_TRUE(rows_->flush());
    EXPECT_EQ(rows_->flushed_applied(), 7U);
}

TEST_P(RowStoreContract, ABatchMayWriteItsAppliedIndexItself) {
    apply({put("a", "1"), put(std::string(applied_index_key), encode_applied(3))}, 3);
    ASSERT_TRUE(rows_->flush());
    crash_and_reopen();
    EXPECT_EQ(rows_->flushed_applied(), 3U);
}

TEST_P(RowStoreContract, TheStoredAppliedIndexIsNeverAnOlderOne) {
    for (const LogIndex applied : {7U, 8U, 9U}) {
        apply({put("a", "1")}, applied);
        ASSERT_TRUE(rows_->flush());
        EXPECT_EQ(stored_applied(), applied);
        EXPECT_EQ(stored_applied(), applied) << "read again";
    }
}

TEST_P(RowStoreContract, ABatchWithAnotherAppliedIndexIsABug) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const RowBatch wrong{put(std::string(applied_index_key), encode_applied(4))};
    EXPECT_DEATH((void)rows_->apply(wrong, 3), "another applied index");
}

TEST_P(RowStoreContract, AnEmptyBatchMovesTheAppliedIndex) {
    apply({}, 5);
    ASSERT_TRUE(rows_->flush());
    crash_and_reopen();
    EXPECT_EQ(rows_->flushed_applied(), 5U);
}

TEST_P(RowStoreContract, ACrashLeavesTheStateOfTheLastFlush) {
    apply({put("a", "1"), put("b", "1")}, 1);
    ASSERT_TRUE(rows_->flush());
    apply({put("a", "2"), erase("b"), put("c", "2")}, 2);
    crash_and_reopen();
    EXPECT_EQ(rows_->flushed_applied(), 1U);
    EXPECT_EQ(stored_applied(), 1U);
    EXPECT_EQ(scan("a", "z"), (Pairs{{"a", "1"}, {"b", "1"}}));
}

TEST_P(RowStoreContract, AStoreThatNeverFlushedReopensAsNew) {
    apply({put("a", "1")}, 1);
    crash_and_reopen();
    EXPECT_EQ(rows_->flushed_applied(), 0U);
    EXPECT_EQ(scan("", "\xFF"), Pairs{});
}

TEST_P(RowStoreContract, ARowThatCameAndWentBetweenTwoFlushesIsGoneWhateverWasBefore) {
    apply({put("new", "1"), put("old", "1")}, 1);
    apply({erase("new")}, 2);
    ASSERT_TRUE(rows_->flush());
    apply({put("old", "2"), put("new", "2"), put("newer", "2")}, 3);
    apply({erase("old"), erase("new"), erase("newer")}, 4);
    EXPECT_EQ(scan("a", "z"), Pairs{});
    ASSERT_TRUE(rows_->flush());
    EXPECT_EQ(scan("a", "z"), Pairs{});
    EXPECT_EQ(rows_->get("old"), std::nullopt);
    crash_and_reopen();
    EXPECT_EQ(rows_->flushed_applied(), 4U);
    EXPECT_EQ(scan("a", "z"), Pairs{});
}

TEST_P(RowStoreContract, AnErasedRangeTakesRowsOfEveryAge) {
    apply({put("a", "1"), put("b", "1"), put("c", "1"), put("e", "1")}, 1);
    ASSERT_TRUE(rows_->flush());
    apply({put("b", "2"), put("d", "2")}, 2);
    ASSERT_TRUE(rows_->start_flush());
    apply({erase_range("b", "e"), put("c", "3")}, 3);
    EXPECT_EQ(scan("a", "z"), (Pairs{{"a", "1"}, {"c", "3"}, {"e", "1"}}));
    EXPECT_EQ(rows_->get("b"), std::nullopt);
    ASSERT_TRUE(rows_->flush());
    crash_and_reopen();
    EXPECT_EQ(scan("a", "z"), (Pairs{{"a", "1"}, {"c", "3"}, {"e", "1"}}));
}

TEST_P(RowStoreContract, UnflushedBytesGrowWithBatchesAndFallWithAFlush) {
    apply({put("a", std::string(1000, 'x'))}, 1);
    const std::uint64_t one = rows_->unflushed_bytes();
    EXPECT_GE(one, 1000U);
    apply({put("b", std::string(1000, 'x'))}, 2);
    EXPECT_GE(rows_->unflushed_bytes(), one + 1000);
    ASSERT_TRUE(rows_->flush());
    EXPECT_EQ(rows_->unflushed_bytes(), 0U);
}

TEST_P(RowStoreContract, AStartedFlushEndsWithEverythingAppliedBefore) {
    apply({put("a", "1")}, 9);
    ASSERT_TRUE(rows_->start_flush());
    ASSERT_TRUE(rows_->flush());
    EXPECT_EQ(rows_->flushed_applied(), 9U);
}

TEST_P(RowStoreContract, ACheckpointIsAStoreOfItsOwnWithTheRowsOfItsMoment) {
    apply({put("a", "1"), put("b", std::string(200'000, 'x'))}, 6);
    ASSERT_TRUE(rows_->flush());
    apply({put("a", "2")}, 7);
    const auto made = rows_->checkpoint(place_->checkpoint());
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(*made, 7U);
    apply({put("a", "3"), erase("b"), put("c", "3")}, 8);
    ASSERT_TRUE(rows_->flush());
    {
        const auto view = place_->view();
        EXPECT_EQ(view->get("a"), "2");
        EXPECT_EQ(view->get("c"), std::nullopt);
        EXPECT_EQ(decode_applied(*view->get(applied_index_key)), 7U);
    }
    const auto copy = place_->open_checkpoint();
    EXPECT_EQ(copy->flushed_applied(), 7U);
    EXPECT_EQ(copy->get("b"), std::string(200'000, 'x'));
    ASSERT_TRUE(copy->apply({put("d", "4")}, 8));
    EXPECT_EQ(rows_->get("d"), std::nullopt);
    EXPECT_EQ(scan("a", "z"), (Pairs{{"a", "3"}, {"c", "3"}}));
}

Pairs between(const Model& model, const std::string& first, const std::string& end) {
    return Pairs(model.lower_bound(first), model.lower_bound(end));
}

// Random batches against a plain map, with crashes: whatever index the store reopens at, its rows
// are exactly those of that index. On RocksDB the small memtable makes it flush by itself too.
TEST_P(RowStoreContract, RowsAndAppliedIndexAgreeWhateverTheMomentOfTheCrash) {
    SeededRandom random(20261120);
    std::map<LogIndex, Model> history{{0, {}}};
    LogIndex applied = 0;
    // Some places where rows grow, and keys that are too short to tell of one.
    const auto key = [&] {
        const std::string place = "k" + std::to_string(100 + random.below(3));
        return random.below(10) == 0 ? place : place + "/" + std::to_string(100 + random.below(20));
    };
    for (int crash = 0; crash < 8; ++crash) {
        Model model = history.at(applied);
        const std::uint64_t batches = random.below(40);
        for (std::uint64_t at = 0; at < batches; ++at) {
            RowBatch batch;
            for (std::uint64_t write = random.below(8); write > 0; --write) {
                if (const auto kind = random.below(10); kind < 7) {
                    const RowWrite one = put(key(), random.fill(random.below(20'000)));
                    model[one.key] = one.value;
                    batch.push_back(one);
                } else if (kind < 9) {
                    batch.push_back(erase(key()));
                    model.erase(batch.back().key);
                } else {
                    batch.push_back(erase_range(key(), key()));
                    const RowWrite& range = batch.back();
                    if (range.key < range.value) {
                        model.erase(model.lower_bound(range.key), model.lower_bound(range.value));
                    }
                }
            }
            apply(batch, ++applied);
            history[applied] = model;
            // Read one by one too, also what is not there, before and after it is written.
            for (int read = 0; read < 8; ++read) {
                const std::string one = key();
                const auto row = model.find(one);
                ASSERT_EQ(rows_->get(one),
                          row == model.end() ? std::nullopt : std::optional(row->second));
            }
            const std::string from = key();
            ASSERT_EQ(scan(from, from + "0"), between(model, from, from + "0"));
            ASSERT_EQ(stored_applied(), applied);
            if (random.below(12) == 0) {
                EXPECT_TRUE(rows_->start_flush());
            }
            if (random.below(20) == 0) {
                EXPECT_TRUE(rows_->flush());
            }
        }
        ASSERT_EQ(scan("k", "l"), Pairs(model.begin(), model.end()));
        const LogIndex promised = rows_->flushed_applied();
        crash_and_reopen();
        ASSERT_GE(rows_->flushed_applied(), promised);
        applied = rows_->flushed_applied();
        ASSERT_EQ(stored_applied(), applied);
        const Model& expected = history.at(applied);
        ASSERT_EQ(scan("k", "l"), Pairs(expected.begin(), expected.end()));
    }
}

}  // namespace
}  // namespace penstock::storage
