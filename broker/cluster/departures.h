// Departures: data sets whose replica leaves this node: what is on the disk of it goes, in bounded
// steps. A mark in the data folder is there from before the first step until after the last one, so
// that a start in between goes on instead of opening half a replica. The set's term and vote stay:
// a replica that comes back must not vote twice. Owned by the ClusterNode, broker thread only. An
// error is final.
#pragma once

#include "broker/base/disk.h"
#include "broker/base/error.h"
#include "broker/model/ids.h"
#include "broker/storage/log/log_store.h"

#include <set>
#include <string>

namespace penstock::cluster {

class Departures {
  public:
    Departures(Disk& disk, std::string data_folder);

    // Sets that were leaving when the last run ended.
    Result<std::set<model::SetId>> load();

    // The set is to leave; durable when it returns. Its rows and log are closed before step().
    Result<void> begin(model::SetId set);

    // Some of what is left to do; false: nothing is.
    Result<bool> step(storage::LogStore& store);

    // All of it, at a start.
    Result<void> finish(storage::LogStore& store);

    [[nodiscard]] bool has(model::SetId set) const { return leaving_.contains(set); }

    [[nodiscard]] bool busy() const { return !leaving_.empty(); }

  private:
    [[nodiscard]] std::string mark(model::SetId set) const;
    [[nodiscard]] std::string rows_folder(model::SetId set) const;
    Result<bool> remove_some_rows(model::SetId set);

    Disk& disk_;
    std::string data_folder_;
    std::set<model::SetId> leaving_;
    bool forgotten_ = false;  // the first one's log is dropped, as of the last step
};

}  // namespace penstock::cluster
