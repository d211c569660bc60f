// Reading a set's records of one segment in index order, verified. Reads the file; broker thread.
#pragma once

#include "broker/storage/log/apart.h"
#include "broker/storage/log/log_store.h"
#include "broker/storage/log/segment.h"
#include "broker/storage/log/segment_index.h"

#include <functional>
#include <vector>

namespace penstock::storage {

struct ScanRange {
    SetId set;
    LogIndex next = 0;        // the first one wanted; moves behind what was visited
    LogIndex last = 0;        // of this segment
    LogIndex whole_from = 0;  // from here on every entry must be there
};

// Each of these gives false when no more is wanted, and Error{damaged} when an entry cannot be read
// or is missing. `find` says where large bodies are.
Result<bool> scan_entries(const Segment& segment,
                          const SegmentIndex& index,
                          ScanRange& range,
                          const FindApart& find,
                          const LogStore::VisitEntry& visit);

// Adds the facts of entries until there are `count_max`.
Result<bool> scan_facts(const Segment& segment,
                        const SegmentIndex& index,
                        ScanRange& range,
                        std::size_t count_max,
                        std::vector<EntryFacts>& facts);

// Error{damaged} when a body of an entry that lies apart cannot be read.
Result<bool> check_apart(const Segment& segment,
                         const SegmentIndex& index,
                         ScanRange& range,
                         const FindApart& find);

// With gaps; damaged bodies are marked, and a record that cannot be read is left out.
Result<bool> scan_records(const Segment& segment,
                          const SegmentIndex& index,
                          ScanRange& range,
                          const FindApart& find,
                          const LogStore::VisitEntry& visit);

}  // namespace penstock::storage
