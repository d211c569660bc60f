// RocksRows: the RowStore on RocksDB, and the watch its background threads report to. Created by
// open_rocks_rows() only. Broker thread, but for what the watch notes.
#pragma once

#include "broker/storage/rows/row_store.h"

#include <atomic>
#include <memory>
#include <string>

namespace rocksdb {
class DB;
class EventListener;
class Status;
}  // namespace rocksdb

namespace penstock::storage {

// An Error in our terms: what was done, to which folder, what RocksDB says, what to do.
Error rocks_error(const std::string& doing,
                  const std::string& folder,
                  const rocksdb::Status& status);

// What is known about the store outside the broker thread. Shared with RocksDB's listener, which
// lives as long as the database.
class RocksState {
  public:
    explicit RocksState(std::string folder) : folder_(std::move(folder)) {}

    // Keeps the first error; later ones are its consequences. Any thread.
    void fail(const Error& first);
    [[nodiscard]] Result<void> health() const;

    // Raises flushed_applied to what a read of the persisted tier finds. Any thread.
    void refresh_flushed(rocksdb::DB& database);
    void refresh_pressure(rocksdb::DB& database);

    [[nodiscard]] const std::string& folder() const { return folder_; }

    std::atomic<model::LogIndex> flushed_applied = 0;
    std::atomic<bool> stalling = false;         // RocksDB slows or stops writes
    std::atomic<bool> compaction_late = false;  // level 0 or the compaction backlog grows

  private:
    std::string folder_;
    Error first_error_{};
    std::atomic<bool> claimed_ = false;  // someone writes first_error_
    std::atomic<bool> failed_ = false;   // first_error_ is written
};

std::shared_ptr<rocksdb::EventListener> make_rocks_watch(std::shared_ptr<RocksState> state);

// Takes an open database. Error{damaged} when its applied index row is missing or malformed. Rows
// are given to RocksDB once `fresh_bytes` of them were written, or a flush is asked for.
Result<std::unique_ptr<RowStore>> make_rocks_rows(std::unique_ptr<rocksdb::DB> database,
                                                  std::shared_ptr<RocksState> state,
                                                  std::uint64_t fresh_bytes);

}  // namespace penstock::storage
