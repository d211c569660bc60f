// recover(): what a store's folder holds, at start. Everything is read and checked before the first
// change; with Error{damaged} nothing was changed. Broker thread.
#pragma once

#include "broker/storage/log/active_recovery.h"
#include "broker/storage/log/catalog.h"
#include "broker/storage/log/store_files.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::storage {

// A segment of large bodies that the process before did not seal; all records that are in it.
struct OpenLarge {
    std::shared_ptr<Segment> segment;
    SegmentIndex index;
};

struct Recovered {
    Manifest manifest;
    Catalog catalog;
    Catalog large;  // those of large bodies that are sealed
    std::vector<OpenLarge> open_large;
    FactsBySet facts;
    std::uint64_t damaged = 0;

    // The segment to go on with; its footer when it was sealed just before the process ended.
    std::shared_ptr<Segment> active;
    ActiveSegment::Content content;
    std::uint64_t footer = 0;
};

// Nothing: the folder has no store yet. `salvage`: sealed segments that are missing, short or of
// another store are left out as far as they cannot be read, rather than refused.
Result<std::optional<Recovered>> recover(const StoreFiles& files,
                                         const Applied& applied,
                                         bool salvage);

// Removes files that a crash left behind and clears what a torn write left behind the active
// segment's tail. Of `recovered` it looks at the manifest and the active segment.
Result<void> clean_up(const StoreFiles& files, const Recovered& recovered, std::uint64_t tail);

}  // namespace penstock::storage
