#include "broker/storage/rows/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

namespace penstock::storage {

namespace {

constexpr int max_open_files = 256;
constexpr double filter_bits_per_key = 10;
constexpr std::size_t block_bytes = 8 << 10;
constexpr std::uint64_t table_bytes = 32ULL << 20;
constexpr std::uint64_t idle_tombstone_s = 24 * 60 * 60;
constexpr std::size_t deletion_window = 16'384;
constexpr std::size_t deletion_trigger = 8'192;
constexpr double deletion_ratio = 0.5;

rocksdb::BlockBasedTableOptions table_options(const RowStoreOptions& options) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
    table.block_size = block_bytes;
    // Index and filter blocks count against the cache, in small partitions: memory stays bounded
    // however many rows there are, and one lookup never pulls a whole file's index in.
    table.cache_index_and_filter_blocks = true;
    table.cache_index_and_filter_blocks_with_high_priority = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    table.partition_filters = true;
    // The core asks for many rows that are not there (exceptions, dedup keys).
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(filter_bits_per_key));
    table.whole_key_filtering = true;
    return table;
}

void bound_memory(rocksdb::Options& rocks, const RowStoreOptions& options) {
    rocks.write_buffer_size = options.memtable_bytes;
    rocks.max_write_buffer_number = 2;  // one fills while the other is flushed
    rocks.max_open_files = max_open_files;
    rocks.max_background_jobs = 2;  // one flush, one compaction: the machine is not ours alone
    rocks.max_subcompactions = 1;
}

void be_paranoid(rocksdb::Options& rocks) {
    rocks.paranoid_checks = true;
    // Reads each new file back before the version that names it is installed.
    rocks.paranoid_file_checks = true;
    rocks.force_consistency_checks = true;
    rocks.flush_verify_memtable_count = true;
    // A background error is final: the process stops, the log replays. Never retried.
    rocks.max_bgerror_resume_count = 0;
}

void shape_levels(rocksdb::Options& rocks) {
    rocks.compaction_style = rocksdb::kCompactionStyleLevel;
    rocks.level_compaction_dynamic_level_bytes = true;
    rocks.target_file_size_base = table_bytes;
    rocks.compression = rocksdb::kLZ4Compression;
    // Rows of a queue die soon. Deletes that lie together start a compaction, and files that idle
    // for a day are rewritten, so that no scan walks over yesterday's tombstones.
    rocks.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(
            deletion_window, deletion_trigger, deletion_ratio));
    rocks.ttl = idle_tombstone_s;
}

void keep_quiet(rocksdb::Options& rocks) {
    rocks.info_log_level = rocksdb::WARN_LEVEL;
    rocks.max_log_file_size = 4 << 20;
    rocks.keep_log_file_num = 3;
    rocks.stats_dump_period_sec = 0;
    rocks.stats_persist_period_sec = 0;
}

}  // namespace

rocksdb::Options rocks_options(const RowStoreOptions& options,
                               std::shared_ptr<rocksdb::EventListener> watch) {
    rocksdb::Options rocks;
    bound_memory(rocks, options);
    be_paranoid(rocks);
    shape_levels(rocks);
    keep_quiet(rocks);
    rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(options)));
    // One writer, one column family: what must be flushed together is, without atomic_flush, whose
    // defects in 7.8 are known.
    rocks.allow_concurrent_memtable_write = false;
    // A stop without flush() leaves what a crash would leave: one path to test, not two.
    rocks.avoid_flush_during_shutdown = true;
    if (watch) rocks.listeners.push_back(std::move(watch));
    return rocks;
}

rocksdb::ReadOptions rocks_read_options() {
    rocksdb::ReadOptions read;
    read.verify_checksums = true;
    return read;
}

rocksdb::WriteOptions rocks_write_options() {
    rocksdb::WriteOptions write;
    write.disableWAL = true;  // the replicated log is the write-ahead log
    return write;
}

}  // namespace penstock::storage
