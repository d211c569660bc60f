// What the tests of snapshots share: a node that has a set with waiting messages, and another that
// fetches it. One test, one thread.
#pragma once

#include "broker/replication/snapshot/install.h"
#include "broker/replication/snapshot/sink.h"
#include "broker/replication/snapshot/source.h"
#include "broker/storage/rows/row_store.h"
#include "tests/support/memory_disk.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::replication::testing {

using penstock::testing::MemoryDisk;

inline constexpr SetId moved_set{1};
inline constexpr SetId other_set{2};
inline constexpr LogIndex snapshot_index = 120;
inline constexpr std::uint64_t snapshot_term = 3;

using Held = std::map<LogIndex, std::vector<std::uint32_t>>;

std::string body_text(LogIndex index, std::uint32_t ordinal, std::size_t bytes);
storage::EntryRecord make_entry(SetId set, LogIndex index, std::size_t body_bytes);

// A fixed list, as the rows of a checkpoint would give it.
class HeldEntries final : public LiveEntries {
  public:
    explicit HeldEntries(Held held) : held_(std::move(held)) {}

    Result<std::vector<LiveEntry>> from(LogIndex first, std::size_t count_max) const override;

  private:
    Held held_;
};

// The node that has it: entries of two bodies each, every third one held.
class Giver {
  public:
    explicit Giver(std::size_t body_bytes = 300);

    // Of the manifest only.
    std::unique_ptr<SnapshotSource> make_source(std::size_t range_entries = 30);

    // As make_source(), prepared.
    std::unique_ptr<SnapshotSource> source(std::size_t range_entries = 30);

    MemoryDisk disk;
    std::unique_ptr<storage::LogStore> store;
    Held held;
    std::size_t body_bytes;
    int checkpoints = 0;
};

std::unique_ptr<storage::LogStore> open_log(Disk& disk,
                                            const std::function<LogIndex(SetId)>& applied);

// Fetches all that is wanted; the first error ends it.
Result<void> fetch(SnapshotSource& source,
                   SnapshotSink& sink,
                   std::size_t chunk_bytes = chunk_bytes_max);

// Steps and syncs until it is done.
Result<void> finish(SnapshotInstall& install, storage::LogStore& store);

// All of the snapshot is in the store of the node that fetched it.
void expect_bodies(const storage::LogStore& store, const Giver& giver);

}  // namespace penstock::replication::testing
