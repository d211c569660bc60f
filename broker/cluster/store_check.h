// What a data folder holds, looked at without a server: whether its rows can be read, its log is
// whole, and every message that the rows hold is there; and a backup of what can be read, for a
// folder that does not start. The folder is nobody else's meanwhile. For the command that does it,
// its thread. Error{invalid}: an installation or a restore of it is under way.
//
// A check opens the log as a start does, which cuts a torn tail off and ends the file that large
// bodies went to; it changes nothing else. A salvage applies what the log has beyond the rows, as a
// start does.
#pragma once

#include "broker/backup/copy.h"
#include "broker/node/node.h"
#include "broker/node/set_snapshot.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::cluster {

struct CheckedSet {
    model::SetId set;
    model::LogIndex applied = 0;  // by the rows
    model::LogIndex last = 0;     // of the log
    std::uint64_t rows = 0;
    std::uint64_t messages = 0;         // that the rows hold
    std::uint64_t damaged = 0;          // of these: their bytes are gone or wrong
    std::vector<std::string> problems;  // at most problems_max of each set
};

inline constexpr std::size_t problems_max = 100;

struct CheckedStore {
    std::vector<CheckedSet> sets;
    std::vector<std::string> problems;  // of the log as a whole

    [[nodiscard]] bool whole() const;
};

struct StoreWorld {
    Disk& disk;
    node::OpenRows open_rows;
    node::OpenView open_view;
    storage::LogStoreOptions log;
};

Result<CheckedStore> check_store(const StoreWorld& world, const std::string& data_folder);

struct Salvaged {
    backup::Copied copied;
    std::vector<std::string> problems;  // what is not in it, and why
};

Result<Salvaged> salvage_store(const StoreWorld& world,
                               const std::string& data_folder,
                               model::TimeMs now_ms,
                               backup::BackupOutput& output);

}  // namespace penstock::cluster
