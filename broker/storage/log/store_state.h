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

using Pins = std::map<SetId, std::uint64_t>;  // how many pins live

struct StoreState {
    StoreState(Disk& disk, std::string folder) : files(disk, std::move(folder)), sealed(files) {}

    // Replaces the list of segments; durable when it returns. Those not listed any more are left
    // out of its trims, as is `rewritten`.
    Result<void> list(std::vector<ManifestRow> rows, std::uint64_t rewritten = 0);

    // Copies for that segment are used, or of no use.
    void forget_copies(const SegmentInfo& info);

    StoreFiles files;
    Manifest manifest;  // as it is on the disk
    Catalog catalog;
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
