// BackupOutput: where a backup is written: a folder, which may hold an earlier one, or a stream.
// First the catalogue, then each part of each set in its order, then finish(). Used by the command
// that makes the backup, its thread. Error{io|disk_full|invalid} names the file.
#pragma once

#include "broker/backup/catalogue.h"
#include "broker/base/disk.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace penstock::backup {

class BackupOutput {
  public:
    virtual ~BackupOutput() = default;

    virtual Result<void> begin(const Catalogue& catalogue) = 0;

    // Of a part that is there already from an earlier backup: its last frame where it is a range,
    // so that the caller can tell whether it is of the same log. Nothing: it must be written.
    virtual Result<std::optional<std::string>> stored(const SnapshotManifest& manifest,
                                                      std::uint32_t part) = 0;

    // The stored part serves this backup too.
    virtual void keep(const SnapshotManifest& manifest, std::uint32_t part) = 0;

    virtual Result<void> open_part(const SnapshotManifest& manifest, std::uint32_t part) = 0;
    virtual Result<void> put(std::string_view bytes) = 0;
    virtual Result<void> close_part() = 0;

    // Durable when it returns; from here on it is the backup, in the place of the earlier one.
    virtual Result<void> finish() = 0;
};

inline constexpr const char* mark_name = "penstock-backup";  // in every folder with a backup,
inline constexpr const char* catalogue_name = "catalogue";   // and what it consists of

// A folder that is empty, not there, or has a backup; whole or not. Error{invalid}: it holds
// something else.
Result<std::unique_ptr<BackupOutput>> open_output_folder(Disk& disk, const std::string& folder);

// As stream.cpp draws it. `out` outlives it.
std::unique_ptr<BackupOutput> make_output_stream(std::ostream& out);

// Reads a whole file. Error{not_found|damaged|io}.
Result<std::string> read_file(Disk& disk, const std::string& path, std::size_t bytes_max);

}  // namespace penstock::backup
