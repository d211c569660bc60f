// BackupInput: where a backup is read from: a folder, or a stream, which is read once. Parts are
// asked for in the order of the catalogue. Whether they are right is for the reader to check
// (replication/snapshot/part_check.h). Used by one command, its thread. Error{damaged|not_found|io}
// names the file.
#pragma once

#include "broker/backup/catalogue.h"
#include "broker/base/disk.h"

#include <cstdint>
#include <istream>
#include <memory>
#include <string>

namespace penstock::backup {

class BackupInput {
  public:
    virtual ~BackupInput() = default;

    [[nodiscard]] virtual const Catalogue& catalogue() const = 0;

    // Part `part` of the catalogue's set at `set_at`, not before the one that was opened last.
    virtual Result<void> open_part(std::size_t set_at, std::uint32_t part) = 0;

    // The next bytes of it, at most replication::chunk_bytes_max; empty: its end.
    virtual Result<std::string> next() = 0;

    // How to call that part in an error.
    [[nodiscard]] virtual std::string name_of(std::size_t set_at, std::uint32_t part) const = 0;

    // All parts were read: whether the backup ends as it should.
    virtual Result<void> finish() = 0;
};

// Error{invalid}: no finished backup is there.
Result<std::unique_ptr<BackupInput>> open_input_folder(Disk& disk, const std::string& folder);

// `in` outlives it.
Result<std::unique_ptr<BackupInput>> open_input_stream(std::istream& in);

}  // namespace penstock::backup
