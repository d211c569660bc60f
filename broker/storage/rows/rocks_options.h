// The settings of RocksDB, each with its reason. Pure functions, any thread.
#pragma once

#include "broker/storage/rows/row_store.h"

#include <memory>

namespace rocksdb {
class EventListener;
struct Options;
struct ReadOptions;
struct WriteOptions;
}  // namespace rocksdb

namespace penstock::storage {

// `watch` may be null (tools that only read files).
rocksdb::Options rocks_options(const RowStoreOptions& options,
                               std::shared_ptr<rocksdb::EventListener> watch);
rocksdb::ReadOptions rocks_read_options();
rocksdb::WriteOptions rocks_write_options();

// Files at level 0 above which new work is refused: far below where RocksDB would slow writes.
inline constexpr int level0_files_pressure = 12;

// Bytes that wait for compaction above which new work is refused, likewise.
inline constexpr std::uint64_t compaction_bytes_pressure = 8ULL << 30;

}  // namespace penstock::storage
