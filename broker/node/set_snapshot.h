// A snapshot of a set that is here: a checkpoint of its rows, with the bodies they hold, made in
// steps and handed out in chunks, for a follower that lacks too much and for a backup. What waits
// for the disk runs on the bulk pool, one job a snapshot at a time; in between letters come back
// to the broker thread. Broker thread only, but where said. A disk that fails ends one snapshot.
#pragma once

#include "broker/base/disk.h"
#include "broker/replication/snapshot/source.h"
#include "broker/storage/rows/row_store.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace penstock::node {

class HostedSet;
class Node;

// Opens a checkpoint's rows to be read. Any thread.
using OpenView =
    std::function<Result<std::unique_ptr<storage::RowView>>(const std::string& folder)>;

using SnapshotPtr = std::shared_ptr<replication::SnapshotSource>;

// A checkpoint flushes the rows and waits for it: what can be flushed beforehand is. Gives the
// index the rows must have flushed before take_snapshot(); 0: nothing is to be waited for.
Result<model::LogIndex> flush_before_snapshot(HostedSet& set);

// The rows of this moment in the new folder `folder`, whose parent is there. Nothing: not now, the
// log does not know the last entry any more.
Result<SnapshotPtr> take_snapshot(Node& node,
                                  Disk& disk,
                                  HostedSet& set,
                                  const std::string& folder,
                                  std::string conf_state,
                                  const OpenView& open_view);

// One step of SnapshotSource::prepare(); `then` on the broker thread.
void prepare_snapshot(Node& node,
                      SnapshotPtr source,
                      std::function<void(Node&, const Result<bool>& complete)> then);

// Removes its files, nobody reads it any more. What stays is said in the log.
void remove_snapshot(Node& node, SnapshotPtr source);

// Of a folder without folders in it; one that is not there is no error. Any thread.
Result<void> remove_flat_folder(Disk& disk, const std::string& folder);

// remove_flat_folder() on the bulk pool.
void remove_later(Node& node, Disk& disk, const std::string& folder);

// Hands out the chunks of one snapshot that is complete, in the order they are asked for.
class SnapshotReader : public std::enable_shared_from_this<SnapshotReader> {
  public:
    explicit SnapshotReader(SnapshotPtr source) : source_(std::move(source)) {}

    // Any thread. Error{unavailable}: too many wait, or the snapshot goes.
    using Give = std::function<void(Result<std::string>)>;

    [[nodiscard]] const replication::SnapshotManifest& manifest() const {
        return source_->manifest();
    }

    void read(Node& node, std::uint32_t part, std::uint64_t offset, Give give);

    // Nobody has read for a while: as SnapshotSource::rest().
    void rest();

    // What waits is refused, the files go once nobody reads.
    void close(Node& node);

  private:
    struct Reading {
        std::uint32_t part = 0;
        std::uint64_t offset = 0;
        Give give;
    };

    void next(Node& node);
    void looked_up(Node& node, const Result<void>& looked);
    void read_done(Node& node);

    SnapshotPtr source_;
    std::deque<Reading> waiting_;
    bool busy_ = false;  // a job has the source
    bool closed_ = false;
};

}  // namespace penstock::node
