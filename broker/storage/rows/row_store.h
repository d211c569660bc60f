// RowStore: where a set's rows live. RocksDB without WAL in production (the log replays), an
// ordered map in memory for tests; both pass one contract suite. Owned by the node, used by the
// broker thread; flushes run in the background.
#pragma once

#include "broker/base/disk.h"
#include "broker/base/error.h"
#include "broker/model/ids.h"
#include "broker/model/rows.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace penstock::storage {

class RowStore : public model::Rows {
  public:
    // Applies a batch and writes the applied index row with it: visible to reads at once, durable
    // (with its applied index, all or nothing) once flushed_applied() has reached `applied`. An
    // error is final: stop the process.
    virtual Result<void> apply(model::RowBatch batch, model::LogIndex applied) = 0;

    // Starts a flush of everything applied so far; does not wait. While one is under way the next
    // tend() behind its end starts it.
    virtual Result<void> start_flush() = 0;

    // A flush was asked for and has not ended: flush() and checkpoint() would wait for it, which
    // may take seconds.
    [[nodiscard]] virtual bool flushing() const = 0;

    // To be called now and then, each turn: goes on with what a flush has ended. Cheap.
    virtual Result<void> tend() = 0;

    // Flushes and waits; for a clean stop and for tests.
    virtual Result<void> flush() = 0;

    // Flushes, waits, and makes the new folder `folder` a store of its own with the rows of this
    // moment, durable when it returns; its parent is there, it is not. Costs no copy of the rows
    // where files can be linked. Gives the applied index of these rows.
    virtual Result<model::LogIndex> checkpoint(const std::string& folder) = 0;

    // The applied index that is certainly durable: replay begins behind it. After open it is the
    // index found in the rows (0: new). Any thread.
    [[nodiscard]] virtual model::LogIndex flushed_applied() const = 0;

    // Of memory that what was applied since the last flush began takes: a measure of what a replay
    // would have to redo. A row that is written again and again counts once.
    [[nodiscard]] virtual std::uint64_t unflushed_bytes() const = 0;

    // True while the store is close to stalling writes: refuse new work.
    [[nodiscard]] virtual bool pressured() const = 0;

    // The first error of the background or of a read, if any: final. A failed read shows no row and
    // makes every later apply() fail, so that nothing decided on it is kept; whoever answers from
    // rows without an apply asks here before the answer leaves.
    [[nodiscard]] virtual Result<void> health() const = 0;

    [[nodiscard]] virtual std::uint64_t bytes_on_disk() const = 0;
};

// `folder` is created if missing. Error{damaged|io|disk_full} names the folder, the file where it
// is known, and what to do; a folder that lost files is never taken for a new one.
struct RowStoreOptions {
    // Of memory that rows may take which RocksDB does not have yet; twice that while they are given
    // over.
    std::uint64_t memtable_bytes = 64ULL << 20;
    std::uint64_t cache_bytes = 64ULL << 20;    // blocks, index and filters together
    std::uint64_t verify_bytes = 256ULL << 20;  // newest files whose checksums open() verifies
};

Result<std::unique_ptr<RowStore>> open_rocks_rows(const std::string& folder,
                                                  const RowStoreOptions& options);

// Rows of a checkpoint, or of any store that is closed, to be read only: none of its rows' files is
// changed. A read that fails shows no row; whoever goes by what was read asks for health() then.
class RowView : public model::Rows {
  public:
    [[nodiscard]] virtual Result<void> health() const = 0;
};

Result<std::unique_ptr<RowView>> open_rocks_view(const std::string& folder);

// What rows in memory leave behind when their owner dies: the state of the last flush.
using MemoryRowsImage = std::map<std::string, std::string, std::less<>>;

// Rows in an ordered map, for tests. With an `image` (which outlives the store) they begin as it is
// and every flush brings it up to date; without one `flush` only moves flushed_applied. Checkpoints
// go to `disk`, as one file in their folder; without one they are refused.
std::unique_ptr<RowStore> make_memory_rows(MemoryRowsImage* image = nullptr, Disk* disk = nullptr);

// What a checkpoint of rows in memory holds. Error{damaged}: its file is none.
Result<MemoryRowsImage> read_memory_rows(Disk& disk, const std::string& folder);

// Key under which the core keeps the applied index (8 bytes little-endian) in every set's rows.
inline constexpr std::string_view applied_index_key = "!applied";

}  // namespace penstock::storage
