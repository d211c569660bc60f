// What a backup asks of the server: first all sets are held (what travels between sets waits), then
// each is copied as it is at one moment, then they are let go and the copies read in pieces. Part
// of requests.h. Each is answered by the node that leads the set. Values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::api {

// How far the copy of one set is.
struct BackupView {
    enum class State : std::uint8_t {
        held,       // nothing is copied yet
        flushing,   // its rows are written first: ask for it again
        preparing,  // it stands, and is listed
        ready,      // it can be read
    };

    State state = State::held;
    std::uint64_t index = 0;           // of the entry it stands at
    std::uint64_t manifest_bytes = 0;  // State::ready
};

// The root key only.
struct ChangeBackup {
    using Reply = BackupView;

    enum class What : std::uint8_t {
        hold,     // for 15 s at most; also what must be written is
        begin,    // of a set that is held
        release,  // what was held goes on
        end,      // the copy is removed; it would be after a minute in which nobody reads
    };

    What what = What::hold;
    std::uint32_t set = 0;
    std::uint64_t backup = 0;  // chosen by the caller, not 0
};

struct GetBackup {
    using Reply = BackupView;
    std::uint32_t set = 0;
    std::uint64_t backup = 0;
};

struct BackupPiece {
    std::string bytes;
};

// A piece of part `part` as SnapshotSource::read() has it, or of the manifest.
struct ReadBackup {
    using Reply = BackupPiece;
    std::uint32_t set = 0;
    std::uint64_t backup = 0;
    std::uint32_t part = 0;
    std::uint64_t offset = 0;
};

inline constexpr std::uint32_t backup_manifest = UINT32_MAX;  // instead of a part

struct BackupSets {
    std::vector<std::uint32_t> sets;  // that there are, ascending, 0 too
};

struct ListBackupSets {
    using Reply = BackupSets;
};

}  // namespace penstock::api
