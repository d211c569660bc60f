// Copies parts of a backup: from whoever has the snapshots into an output, and checks an input.
// Each part is checked as it comes. The calling thread.
#pragma once

#include "broker/backup/input.h"
#include "broker/backup/output.h"

#include <cstdint>
#include <functional>
#include <string>

namespace penstock::backup {

struct Copied {
    std::uint32_t parts = 0;      // of the catalogue
    std::uint32_t kept = 0;       // of these: there from an earlier backup
    std::uint64_t bytes = 0;      // that were copied
    std::uint64_t lost = 0;       // bodies the source could not read
    std::uint64_t row_bytes = 0;  // of all sets, kept ones too
};

// A piece of a part as SnapshotSource::read() gives it.
using ReadPart = std::function<Result<std::string>(
    const SnapshotManifest& manifest, std::uint32_t part, std::uint64_t offset)>;

// Told after each piece; false ends it with Error{closed}.
using Progress = std::function<bool(const Copied&)>;

// All parts of the catalogue, but for those that are there; then the output is finished.
// Error{damaged}: the source gives what the catalogue does not promise.
Result<Copied> copy_backup(const Catalogue& catalogue,
                           const ReadPart& read,
                           BackupOutput& output,
                           const Progress& progress);

// Reads all of it. Error{damaged} names the file that is wrong.
Result<Copied> check_backup(BackupInput& input);

}  // namespace penstock::backup
