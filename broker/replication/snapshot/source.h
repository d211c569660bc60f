// SnapshotSource: a snapshot this node can send: a checkpoint of the set's rows, and the records of
// the log whose bodies these rows hold. It is made in bounded steps, then read in chunks, in any
// order and as often as wanted. It pins the set's segments while rest() is not called. Owned by the
// node; used by one thread at a time: what says so by any of them, all else by the broker thread.
// An error ends it; the node and its log go on.
#pragma once

#include "broker/base/disk.h"
#include "broker/replication/snapshot/manifest.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::replication {

// What the rows of the checkpoint hold. Any thread, one at a time.
class LiveEntries {
  public:
    virtual ~LiveEntries() = default;

    // Entries with live bodies from `first` on, ascending, at most `count_max`; fewer: no more.
    virtual Result<std::vector<LiveEntry>> from(LogIndex first, std::size_t count_max) const = 0;
};

// A frame that goes in several chunks, kept between them: a record of 16 MiB is not read and
// encoded anew for each.
struct LongFrame {
    LogIndex index = 0;
    std::string bytes;
};

class SnapshotSource {
  public:
    // `facts` is a manifest without files and ranges; `folder` a checkpoint at facts.index. A range
    // has about `range_entries` entries.
    SnapshotSource(Disk& disk,
                   storage::LogStore& store,
                   std::string folder,
                   SnapshotManifest facts,
                   std::unique_ptr<LiveEntries> live,
                   std::size_t range_entries = 4096);

    // One bounded step of making the manifest; true: it is complete. Error{invalid}: it would be
    // longer than a manifest may be. Any thread.
    Result<bool> prepare();

    // Complete after prepare() said so.
    [[nodiscard]] const SnapshotManifest& manifest() const { return manifest_; }

    // Up to `bytes_max` (at most chunk_bytes_max) of a part; empty: at its end. In a file `offset`
    // is one; in a range it is the number of whole frames before, shifted by frame_shift, plus the
    // bytes of the next one that are known already. Error{invalid}: there is no such place. In
    // three calls: look_up() and fetch() wait for the disk, on any thread; find() in between looks
    // only into memory, but for the footer of a segment.
    Result<void> look_up(std::uint32_t part);
    Result<void> find(std::uint32_t part, std::uint64_t offset, std::size_t bytes_max);
    Result<std::string> fetch(std::uint32_t part, std::uint64_t offset, std::size_t bytes_max);

    // The three of them.
    Result<std::string> read(std::uint32_t part, std::uint64_t offset, std::size_t bytes_max);

    // Nobody reads for a while: segments may go. What is gone by then was let go of behind the
    // snapshot's index and is sent as lost; the receiver's log lets go of it too.
    void rest() {
        pin_.reset();
        long_frame_ = {};
    }

    // Removes the checkpoint's files. Any thread; nothing else is called then.
    Result<void> remove();

  private:
    Result<bool> add_file();
    Result<bool> add_range();
    [[nodiscard]] std::size_t end_of_range(const std::vector<LiveEntry>& entries) const;

    // But for the last one, and before an index that many ranges begin with.
    [[nodiscard]] std::size_t fewest_in_range() const { return range_entries_ / 4 + 1; }

    [[nodiscard]] bool is_file(std::uint32_t part) const { return part < manifest_.files.size(); }

    Result<std::string> read_file(std::uint32_t part, std::uint64_t offset, std::size_t bytes_max);
    Result<std::string> read_written_to(std::uint64_t offset, std::size_t bytes_max);
    Result<std::string> read_sealed(std::uint64_t offset, std::size_t bytes_max);

    Disk& disk_;
    storage::LogStore& store_;
    std::string folder_;
    SnapshotManifest manifest_;
    std::unique_ptr<LiveEntries> live_;
    std::shared_ptr<const storage::LogPin> pin_;

    std::size_t range_entries_;
    std::vector<std::string> names_;  // of files not summed up yet, in reverse
    bool listed_ = false;
    std::unique_ptr<File> file_;   // being summed up or read
    std::uint32_t file_part_ = 0;  // of read()
    std::uint64_t summed_bytes_ = 0;
    LogIndex next_entry_ = 1;         // to be listed
    std::vector<LiveEntry> entries_;  // of range part `entries_part_`
    std::uint32_t entries_part_ = 0;
    std::vector<storage::SealedRecords> records_;  // found: where they are,
    std::string chunk_;                            // or what they are
    LongFrame long_frame_;                         // its rest is asked for next
    bool prepared_ = false;
};

inline constexpr unsigned frame_shift = 32;

}  // namespace penstock::replication
