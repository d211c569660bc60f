// What only rows on a real disk can show: damage, lost files, locks, background errors.
#include "broker/base/random.h"
#include "broker/storage/rows/row_store.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RocksRows : public ::testing::Test {
  protected:
    [[nodiscard]] Result<std::unique_ptr<RowStore>> open() const {
        return open_rocks_rows(folder_, options_);
    }

    // Fills `count` rows of 100 bytes that no codec shrinks.
    static void fill(RowStore& rows, int count, model::LogIndex applied) {
        SeededRandom random(applied);
        model::RowBatch batch;
        for (int at = 0; at < count; ++at) {
            batch.push_back({model::RowWrite::Kind::put,
                             "k" + std::to_string(1'000'000 + at),
                             random.fill(100)});
        }
        ASSERT_TRUE(rows.apply(batch, applied));
        ASSERT_TRUE(rows.flush());
    }

    [[nodiscard]] std::vector<fs::path> files(const std::string& extension) const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(folder_)) {
            if (entry.path().extension() == extension) found.push_back(entry.path());
        }
        return found;
    }

    // Files that RocksDB tidies away meanwhile are not needed.
    void copy_files(const std::string& to) const {
        fs::create_directory(to);
        for (const auto& entry : fs::directory_iterator(folder_)) {
            std::error_code gone;
            fs::copy_file(entry.path(), to / entry.path().filename(), gone);
        }
    }

    static void flip(const fs::path& path, std::uint64_t offset) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(offset));
        const int byte = file.get();
        file.seekp(static_cast<std::streamoff>(offset));
        file.put(static_cast<char>(byte ^ 0x40));
    }

    void expect_damaged(const std::string& named) const {
        const auto opened = open();
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, Errc::damaged) << opened.error().detail;
        EXPECT_THAT(opened.error().detail, HasSubstr(folder_));
        EXPECT_THAT(opened.error().detail, HasSubstr(named));
        EXPECT_THAT(opened.error().detail, HasSubstr("restore"));
    }

    testing::TempFolder temp_;
    std::string folder_ = temp_.file("set_1");
    RowStoreOptions options_;
};

TEST_F(RocksRows, ACheckpointLinksItsTablesAndCopiesNone) {
    auto rows = open();
    ASSERT_TRUE(rows);
    fill(**rows, 2'000, 1);
    const auto made = (*rows)->checkpoint(folder_ + ".checkpoint");
    ASSERT_TRUE(made) << made.error().detail;
    const auto tables = files(".sst");
    ASSERT_FALSE(tables.empty());
    for (const fs::path& table : tables) EXPECT_EQ(fs::hard_link_count(table), 2U);
    EXPECT_EQ((*rows)->checkpoint(folder_ + ".checkpoint").error().code, Errc::invalid);
    EXPECT_TRUE((*rows)->health());
}

TEST_F(RocksRows, AFolderWithoutItsCurrentFileIsNeverTakenForANewOne) {
    fill(**open(), 10, 1);
    fs::remove(folder_ + "/CURRENT");
    const auto before = std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
    expect_damaged("CURRENT");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), before);
}

TEST_F(RocksRows, AMissingTableFileStopsTheOpening) {
    fill(**open(), 10, 1);
    const fs::path lost = files(".sst").at(0);
    fs::remove(lost);
    expect_damaged(lost.filename().string());
}

TEST_F(RocksRows, AShortenedTableFileStopsTheOpening) {
    fill(**open(), 1000, 1);
    const fs::path cut = files(".sst").at(0);
    fs::resize_file(cut, fs::file_size(cut) - 1);
    expect_damaged(cut.filename().string());
}

TEST_F(RocksRows, AMissingManifestStopsTheOpening) {
    fill(**open(), 10, 1);
    for (const auto& entry : fs::directory_iterator(folder_)) {
        if (entry.path().filename().string().starts_with("MANIFEST")) fs::remove(entry.path());
    }
    expect_damaged("MANIFEST");
}

TEST_F(RocksRows, AnyFlippedByteOfATableFileStopsTheOpeningOrHarmsNothing) {
    fill(**open(), 300, 1);
    const fs::path damaged = files(".sst").at(0);
    const std::uint64_t bytes = fs::file_size(damaged);
    SeededRandom random(7);
    int stopped = 0;
    for (int round = 0; round < 20; ++round) {
        const std::uint64_t at = random.below(bytes);
        flip(damaged, at);
        const auto opened = open();
        if (opened) {
            EXPECT_TRUE((*opened)->get("k1000000").has_value());
            EXPECT_TRUE((*opened)->health());
        } else {
            EXPECT_EQ(opened.error().code, Errc::damaged) << opened.error().detail;
            EXPECT_THAT(opened.error().detail, HasSubstr(damaged.filename().string()));
            ++stopped;
        }
        flip(damaged, at);
    }
    EXPECT_GE(stopped, 18);
    EXPECT_TRUE(open());
}

// Compactions begin with the opening and make files superfluous while these are verified.
TEST_F(RocksRows, AHealthyFolderOpensHoweverManyCompactionsItsOpeningStarts) {
    model::LogIndex applied = 0;
    for (int start = 0; start < 8; ++start) {
        const auto opened = open();
        ASSERT_TRUE(opened) << opened.error().detail;
        EXPECT_EQ((*opened)->flushed_applied(), applied);
        for (int flush = 0; flush < 3; ++flush) fill(**opened, 300, ++applied);
    }
}

TEST_F(RocksRows, ADamagedBlockFoundByAReadShowsNoRowAndRefusesEveryLaterBatch) {
    fill(**open(), 2000, 1);
    const fs::path damaged = files(".sst").at(0);
    options_.verify_bytes = 0;
    for (std::uint64_t at = 100'000; at < 150'000; at += 1000) flip(damaged, at);
    auto rows = std::move(*open());
    EXPECT_TRUE(rows->health());
    EXPECT_EQ(rows->get("k1001000"), std::nullopt);
    const auto health = rows->health();
    ASSERT_FALSE(health);
    EXPECT_EQ(health.error().code, Errc::damaged);
    EXPECT_THAT(health.error().detail, HasSubstr(damaged.filename().string()));
    EXPECT_FALSE(rows->apply({}, 2));
    EXPECT_FALSE(rows->flush());
}

TEST_F(RocksRows, AFolderInUseIsRefused) {
    const auto first = open();
    ASSERT_TRUE(first);
    const auto second = open();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::io);
    EXPECT_THAT(second.error().detail, HasSubstr(folder_));
}

TEST_F(RocksRows, ACreationCutShortIsBegunAgain) {
    fs::create_directories(folder_ + ".new");
    std::ofstream(folder_ + ".new/MANIFEST-000001") << "torn";
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ((*opened)->flushed_applied(), 0U);
    EXPECT_FALSE(fs::exists(folder_ + ".new"));
}

TEST_F(RocksRows, AnEmptyFolderIsANewStoreAndParentsAreMade) {
    folder_ = temp_.file("deep/er/set_1/");
    fs::create_directories(folder_);
    EXPECT_TRUE(open());
}

TEST_F(RocksRows, AFlushThatCannotReachTheDiskIsFinal) {
    auto rows = std::move(*open());
    ASSERT_TRUE(rows->apply({{model::RowWrite::Kind::put, "a", "1"}}, 1));
    fs::remove_all(folder_);
    EXPECT_FALSE(rows->flush());
    const auto health = rows->health();
    ASSERT_FALSE(health);
    EXPECT_THAT(health.error().detail, HasSubstr(folder_));
    EXPECT_FALSE(rows->apply({}, 2));
    EXPECT_FALSE(rows->start_flush());
    EXPECT_EQ(rows->flushed_applied(), 0U);
}

// What flushed_applied() promises is in the files at that moment: a copy made then is what a
// process killed then leaves.
TEST_F(RocksRows, FilesCopiedWhenTheDurableIndexRoseHoldThatIndexAndItsRows) {
    const auto rows = std::move(*open());
    for (model::LogIndex applied = 10; applied <= 30; applied += 10) {
        fill(*rows, 2000, applied);
        const std::string late = "late_" + std::to_string(applied);
        ASSERT_TRUE(rows->apply({{model::RowWrite::Kind::put, late, "not flushed"}}, applied + 1));
        ASSERT_EQ(rows->flushed_applied(), applied);
        const std::string copy = temp_.file("copy_" + std::to_string(applied));
        copy_files(copy);
        const auto opened = open_rocks_rows(copy, options_);
        ASSERT_TRUE(opened) << opened.error().detail;
        EXPECT_EQ((*opened)->flushed_applied(), applied);
        EXPECT_EQ((*opened)->get(late), std::nullopt);
        EXPECT_EQ((*opened)->get("k1001999").value_or("").size(), 100U);
        EXPECT_TRUE((*opened)->health());
    }
}

// Where nothing was found is remembered, until rows are handed over.
TEST_F(RocksRows, ARangeThatWasEmptyShowsWhatCameLater) {
    auto rows = std::move(*open());
    const auto seen = [&] {
        std::string keys;
        rows->scan("k", "l", [&](std::string_view key, std::string_view) {
            keys.append(key).append(" ");
            return true;
        });
        return keys;
    };
    using Kind = model::RowWrite::Kind;
    EXPECT_EQ(seen(), "");
    ASSERT_TRUE(rows->apply({{Kind::put, "k1", "1"}}, 1));
    EXPECT_EQ(seen(), "k1 ");
    ASSERT_TRUE(rows->flush());
    EXPECT_EQ(seen(), "k1 ");
    ASSERT_TRUE(rows->apply({{Kind::erase, "k1", ""}, {Kind::put, "k2", "2"}}, 2));
    EXPECT_EQ(seen(), "k2 ");
    ASSERT_TRUE(rows->start_flush());
    EXPECT_EQ(seen(), "k2 ");
    ASSERT_TRUE(rows->flush());
    EXPECT_EQ(seen(), "k2 ");
    ASSERT_TRUE(rows->apply({{Kind::erase, "k2", ""}}, 3));
    ASSERT_TRUE(rows->flush());
    EXPECT_EQ(seen(), "");
    EXPECT_EQ(seen(), "");
    ASSERT_TRUE(rows->apply({{Kind::put, "k3", "3"}}, 4));
    ASSERT_TRUE(rows->flush());
    EXPECT_EQ(seen(), "k3 ");
}

// Hand-overs of a process go one after the other.
TEST_F(RocksRows, AFlushAskedForWhileOneIsUnderWayFollowsIt) {
    using Kind = model::RowWrite::Kind;
    auto other = std::move(*open_rocks_rows(temp_.file("other"), options_));
    auto rows = std::move(*open());
    model::RowBatch many;
    for (int row = 0; row < 100'000; ++row) {
        many.push_back({Kind::put, "k" + std::to_string(row), std::string(100, 'v')});
    }
    ASSERT_TRUE(other->apply(std::move(many), 1));
    ASSERT_TRUE(rows->apply({{Kind::put, "k1", "1"}}, 1));
    EXPECT_FALSE(rows->flushing());
    ASSERT_TRUE(other->start_flush());
    ASSERT_TRUE(rows->start_flush());
    EXPECT_TRUE(rows->flushing());
    ASSERT_TRUE(rows->apply({{Kind::put, "k2", "2"}}, 2));
    ASSERT_TRUE(rows->start_flush());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (rows->flushing() && std::chrono::steady_clock::now() < deadline) {
        ASSERT_TRUE(rows->tend());
    }
    EXPECT_EQ(rows->flushed_applied(), 2U);
}

// As leases, timers and outboxes are looked at: from a place that moves on, as far as is wanted.
TEST_F(RocksRows, ScansShowTheSameWhateverWasLookedAtBefore) {
    auto rows = std::move(*open());
    SeededRandom random(20261123);
    std::map<std::string, std::string, std::less<>> wanted;
    const auto key = [&] {
        return "k" + std::to_string(100 + random.below(60));
    };
    using Kind = model::RowWrite::Kind;
    for (model::LogIndex applied = 1; applied <= 3'000; ++applied) {
        const std::string one = key();
        const std::string other = key();
        const auto kind = random.below(20);
        if (kind < 9) {
            wanted[one] = std::to_string(applied);
            ASSERT_TRUE(rows->apply({{Kind::put, one, wanted[one]}}, applied));
        } else if (kind < 18 || one >= other) {
            wanted.erase(one);
            ASSERT_TRUE(rows->apply({{Kind::erase, one, ""}}, applied));
        } else {
            wanted.erase(wanted.lower_bound(one), wanted.lower_bound(other));
            ASSERT_TRUE(rows->apply({{Kind::erase_range, one, other}}, applied));
        }
        const auto flush = random.below(100);
        if (flush == 0) {
            ASSERT_TRUE(rows->start_flush());
        } else if (flush == 1) {
            ASSERT_TRUE(rows->flush());
        }
        const std::string first = key();
        const std::string end = random.below(2) == 0 ? "l" : key();
        const std::size_t limit = 1 + random.below(5);
        std::vector<std::pair<std::string, std::string>> found;
        rows->scan(first, end, [&](std::string_view at, std::string_view value) {
            found.emplace_back(at, value);
            return found.size() < limit;
        });
        std::vector<std::pair<std::string, std::string>> expected;
        for (auto at = wanted.lower_bound(first);
             at != wanted.end() && at->first < end && expected.size() < limit;
             ++at) {
            expected.emplace_back(*at);
        }
        ASSERT_EQ(found, expected) << applied;
    }
}

TEST_F(RocksRows, MemtablesThatFillUpFlushThemselvesAndTheDurableIndexFollows) {
    options_.memtable_bytes = 1 << 20;
    auto rows = std::move(*open());
    SeededRandom random(1);
    for (model::LogIndex applied = 1; applied <= 100; ++applied) {
        ASSERT_TRUE(rows->apply(
            {{model::RowWrite::Kind::put, "k" + std::to_string(applied), random.fill(100'000)}},
            applied));
    }
    // At most two memtables are not on disk: eight of ten megabytes certainly are.
    EXPECT_GE(rows->flushed_applied(), 70U);
    EXPECT_LT(rows->flushed_applied(), 100U);
    EXPECT_GT(rows->bytes_on_disk(), 7'000'000U);
}

}  // namespace
}  // namespace penstock::storage
