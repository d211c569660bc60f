// What a node's data folder holds of its sets, for those who open it: a start, and a recovery.
// Before anything else touches the folder; the calling thread.
#pragma once

#include "broker/base/disk.h"
#include "broker/base/error.h"
#include "broker/cluster/departures.h"
#include "broker/model/ids.h"
#include "broker/storage/log/log_store.h"

#include <set>
#include <string>
#include <vector>

namespace penstock::cluster {

std::string rows_folder(const std::string& data_folder, model::SetId set);

// Sets that have a folder of rows, ascending; set 0 too.
std::vector<model::SetId> sets_with_rows(const Disk& disk, const std::string& data_folder);

// Ends what the last run had begun: snapshots are installed (gives the sets), replicas that were
// leaving are gone. `store` is open and needs nothing of those sets, their rows are closed.
Result<std::set<model::SetId>> finish_installs(Disk& disk,
                                               const std::string& data_folder,
                                               storage::LogStore& store,
                                               Departures& departures);

// A recovery of the folder was begun and is not done (recovery.h).
Result<bool> is_being_recovered(const Disk& disk, const std::string& data_folder);

inline constexpr const char* recovering_name = "recovering";  // the file that says so

}  // namespace penstock::cluster
