// When rows ask for less work, with a database whose compactions stand still.
#include "broker/storage/rows/rocks_options.h"
#include "broker/storage/rows/rocks_rows.h"
#include "tests/support/temp_folder.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

namespace penstock::storage {
namespace {

class RocksPressure : public ::testing::Test {
  protected:
    RocksPressure() {
        rocksdb::Options rocks = rocks_options({}, make_rocks_watch(state_));
        rocks.create_if_missing = true;
        rocks.disable_auto_compactions = true;
        rocksdb::DB* opened = nullptr;
        const auto status = rocksdb::DB::Open(rocks, folder_.file("rows"), &opened);
        EXPECT_TRUE(status.ok()) << status.ToString();
        auto made = make_rocks_rows(
            std::unique_ptr<rocksdb::DB>(opened), state_, RowStoreOptions{}.memtable_bytes);
        EXPECT_TRUE(made);
        rows_ = std::move(*made);
    }

    testing::TempFolder folder_;
    std::shared_ptr<RocksState> state_ = std::make_shared<RocksState>("rows");
    std::unique_ptr<RowStore> rows_;
};

TEST_F(RocksPressure, BeginsWhenFilesOfLevelZeroPileUpLongBeforeWritesAreSlowed) {
    for (int file = 1; file <= level0_files_pressure; ++file) {
        EXPECT_FALSE(rows_->pressured()) << "with " << file - 1 << " files";
        ASSERT_TRUE(rows_->apply({{model::RowWrite::Kind::put, "key", "value"}},
                                 static_cast<model::LogIndex>(file)));
        ASSERT_TRUE(rows_->flush());
    }
    EXPECT_TRUE(rows_->pressured());
    EXPECT_FALSE(state_->stalling);
    EXPECT_LT(level0_files_pressure, rocksdb::Options().level0_slowdown_writes_trigger);
}

TEST_F(RocksPressure, LastsWhileRocksDbSlowsWrites) {
    EXPECT_FALSE(rows_->pressured());
    state_->stalling = true;
    EXPECT_TRUE(rows_->pressured());
    state_->stalling = false;
    EXPECT_FALSE(rows_->pressured());
}

TEST_F(RocksPressure, KeepsTheFirstErrorOnly) {
    state_->fail(error(Errc::disk_full, "first"));
    state_->fail(error(Errc::io, "second"));
    ASSERT_FALSE(rows_->health());
    EXPECT_EQ(rows_->health().error().code, Errc::disk_full);
    EXPECT_EQ(rows_->health().error().detail, "first");
    EXPECT_FALSE(rows_->apply({}, 1));
}

// The node ends meanwhile, and RocksDB asserts much about what it would begin anew.
TEST_F(RocksPressure, RocksDbDoesNotRecoverFromAFullDiskByItself) {
    bool recovers = true;
    make_rocks_watch(state_)->OnErrorRecoveryBegin(
        rocksdb::BackgroundErrorReason::kFlush, rocksdb::Status::NoSpace(), &recovers);
    EXPECT_FALSE(recovers);
}

}  // namespace
}  // namespace penstock::storage
