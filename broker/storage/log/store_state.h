// StoreState: what the parts of one store share: its files, what they hold, and what is known to be
// damaged. Owned by the SegmentLogStore, broker thread only.
#pragma once

#include "broker/storage/log/catalog.h"
#include "broker/storage/log/sealed_segments.h"
#include "broker/storage/log/store_files.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::storage {

// Of commands and bodies.
std::uint64_t bytes_of(const EntryRecord& record);

class ActiveSegment;

using Pins = std::map<SetId, std::uint64_t>;  // how many pins live

struct StoreState {
    StoreState(Disk& disk, std::string folder);
    ~StoreState();

    // Replaces the list of segments; durable when it returns. Those not listed any more are left
    // out of its trims, as is `rewritten`.
    Result<void> list(std::vector<ManifestRow> rows, std::uint64_t rewritten = 0);

    // The catalog that a segment is in.
    Catalog& catalog_of(SegmentName name) { return name.large ? large : catalog; }

    // The last index of the set in that segment that may be needed; 0: none. A large segment knows
    // nothing of suffixes that ended before the last start.
    [[nodiscard]] LogIndex last_needed(const SegmentInfo& info, SetId set) const;

    // Entries in a segment that is dropped, or rewritten without some bodies, are no longer whole.
    void lose_first_entries(const SegmentInfo& info);

    // Whether copies wait for that segment to be rewritten with them.
    [[nodiscard]] bool has_copies(const SegmentInfo& info) const;

    // Copies for that segment are used, or of no use.
    void forget_copies(const SegmentInfo& info);

    StoreFiles files;
    Manifest manifest;  // as it is on the disk; gone_to and shares_bodies as the next one will say
    Catalog catalog;
    Catalog large;  // the segments of large bodies
    const ActiveSegment* active = nullptr;
    std::unique_ptr<ActiveSegment> large_active;  // none: no large body since open()
    SealedSegments sealed;
    std::map<SetId, LogIndex> first;  // per set, from where on every entry is there
    std::map<std::pair<SetId, LogIndex>, EntryRecord> copies;  // of damaged entries, whole
    std::uint64_t copies_bytes = 0;
    std::shared_ptr<Pins> pins = std::make_shared<Pins>();

    std::uint64_t damaged_at_start = 0;
    std::set<std::pair<std::uint64_t, std::uint64_t>> damaged;  // segment, offset of a record
    std::uint64_t rewritten_bytes = 0;
};

}  // namespace penstock::storage
