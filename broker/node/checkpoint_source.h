// A snapshot of a checkpoint of a set's rows that was made already, for whoever has no running
// node. Free function, any thread.
#pragma once

#include "broker/node/set_snapshot.h"
#include "broker/storage/log/log_store.h"

#include <string>

namespace penstock::node {

// `facts` is a manifest without files and ranges, of the moment the rows are of.
Result<SnapshotPtr> checkpoint_source(Disk& disk,
                                      storage::LogStore& store,
                                      const std::string& folder,
                                      replication::SnapshotManifest facts,
                                      const OpenView& open_view);

}  // namespace penstock::node
