// Restoring: makes the data folder of a server out of a backup. Parts are received and checked as a
// snapshot from another node is, then taken into use as one. What the sets know of the cluster they
// came from is forgotten: the folder is that of a server on its own, which may become the first
// node of another cluster. Ids of messages stay. For the command that does it, its thread.
//
// Cut short anywhere, the folder does not start; restoring again begins anew.
// Error{invalid}: the folder is not empty. Error{damaged} names the part of the backup.
#pragma once

#include "broker/backup/input.h"
#include "broker/base/disk.h"
#include "broker/node/node.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace penstock::cluster {

struct RestoredSet {
    model::SetId set;
    model::LogIndex index = 0;  // it goes on behind this entry
    std::uint64_t lost = 0;     // bodies that whoever made the backup could not read
};

struct Restored {
    model::TimeMs made_ms = 0;
    std::uint64_t bytes = 0;
    std::vector<RestoredSet> sets;
};

class Restoring {
  public:
    struct World {
        Disk& disk;
        node::OpenRows open_rows;
        std::function<void(std::uint64_t bytes)> progress;  // may be empty
    };

    Restoring(World world,
              std::string data_folder,
              const storage::LogStoreOptions& log,
              backup::BackupInput& input)
        : world_(std::move(world)),
          data_folder_(std::move(data_folder)),
          log_(log),
          input_(input) {}

    // Durable when it returns; not to be called twice.
    Result<Restored> run();

  private:
    Result<void> make_empty();
    Result<void> mark(bool begun);
    Result<void> receive(std::size_t set_at);
    Result<void> install(storage::LogStore& store, const replication::SnapshotManifest& manifest);
    Result<void> forget_cluster(storage::LogStore& store,
                                const replication::SnapshotManifest& manifest);

    World world_;
    std::string data_folder_;
    storage::LogStoreOptions log_;
    backup::BackupInput& input_;
    Restored restored_;
};

}  // namespace penstock::cluster
