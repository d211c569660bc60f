// scan_entries(): visits a set's entries of one segment in index order, verified. Reads the file;
// broker thread.
#pragma once

#include "broker/storage/log/log_store.h"
#include "broker/storage/log/segment.h"
#include "broker/storage/log/segment_index.h"

namespace penstock::storage {

struct ScanRange {
    SetId set;
    LogIndex next = 0;        // the first one wanted; moves behind what was visited
    LogIndex last = 0;        // of this segment
    LogIndex whole_from = 0;  // from here on every entry must be there
};

// False: `visit` wants no more. Error{damaged}: an entry cannot be read, or is missing.
Result<bool> scan_entries(const Segment& segment,
                          const SegmentIndex& index,
                          ScanRange& range,
                          const LogStore::VisitEntry& visit);

}  // namespace penstock::storage
