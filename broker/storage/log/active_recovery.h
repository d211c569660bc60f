// recover_active(): reads the segment that was written to when the process ended. A write counts
// whole or not at all: the last one is torn unless all of it is there; any other was followed by a
// later one, so it had been synced, and what is wrong in it is damage. Broker thread, at start.
#pragma once

#include "broker/storage/log/active_segment.h"

#include <cstdint>
#include <functional>
#include <set>

namespace penstock::storage {

// Index up to which the rows of a set are flushed, or nothing_needed.
using Applied = std::function<LogIndex(SetId)>;

struct RecoveredActive {
    ActiveSegment::Content content;
    FactsBySet facts;
    std::set<SetId> voided;     // what older segments hold of them is void
    std::uint64_t footer = 0;   // offset of its record; 0: the segment was not sealed
    std::uint64_t damaged = 0;  // records at or below applied that cannot be read whole
};

// Error{damaged} when something above `applied`, or a fact, cannot be read.
Result<RecoveredActive> recover_active(const Segment& segment, const Applied& applied);

}  // namespace penstock::storage
