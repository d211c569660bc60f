// Incoming: the folder in which a snapshot of one set is received: incoming/set-<n> under the data
// folder. Its file `manifest` says of which snapshot; a part that is complete has its name, the one
// that is coming ends in ".partial". The file `installing` says that the snapshot is to be taken.
// Broker thread.
#pragma once

#include "broker/base/disk.h"
#include "broker/replication/snapshot/manifest.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication {

class Incoming {
  public:
    Incoming(Disk& disk, const std::string& data_folder, SetId set);

    [[nodiscard]] Disk& disk() const { return disk_; }

    [[nodiscard]] const std::string& folder() const { return folder_; }

    [[nodiscard]] std::string rows_folder() const { return folder_ + "/rows"; }

    [[nodiscard]] std::string old_rows_folder() const { return folder_ + "/old-rows"; }

    // Of the set itself, as the node opens it.
    [[nodiscard]] const std::string& own_rows_folder() const { return own_rows_; }

    [[nodiscard]] std::string part_path(const SnapshotManifest& manifest, std::uint32_t part) const;

    // Makes the folders, durably.
    Result<void> make() const;

    // Nothing: there is none that can be read.
    [[nodiscard]] Result<std::optional<SnapshotManifest>> manifest() const;
    Result<void> put_manifest(const SnapshotManifest& manifest) const;

    [[nodiscard]] Result<bool> is_marked() const;
    Result<void> mark() const;
    Result<void> unmark() const;

    // Removes all that was received; one call may leave more to do (true).
    Result<bool> clear_some() const;

    // Names in a folder; none when it is not there.
    [[nodiscard]] Result<std::vector<std::string>> names(const std::string& folder) const;

  private:
    Result<void> put(const std::string& name, std::string_view bytes) const;

    Disk& disk_;
    std::string data_;
    std::string parent_;
    std::string folder_;
    std::string own_rows_;
};

inline constexpr std::string_view partial_suffix = ".partial";

// Removes what is left of a snapshot that is not ahead of the set's rows any more, for a set that
// is open; true: there is more to remove.
Result<bool> clear_stale(Disk& disk, const std::string& data_folder, SetId set, LogIndex applied);

// The sets whose snapshots were being installed when the process ended.
Result<std::vector<SetId>> marked_sets(Disk& disk, const std::string& data_folder);

}  // namespace penstock::replication
