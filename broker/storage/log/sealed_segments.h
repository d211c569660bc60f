// SealedSegments: sealed segments opened for reading, each with the index of its footer; the ones
// used last are kept. A footer that cannot be read is rebuilt from the records. Owned by the store,
// broker thread only; what it gives out may be held by anybody.
#pragma once

#include "broker/storage/log/catalog.h"
#include "broker/storage/log/segment.h"
#include "broker/storage/log/segment_index.h"
#include "broker/storage/log/store_files.h"

#include <cstdint>
#include <list>
#include <map>
#include <memory>

namespace penstock::storage {

inline constexpr std::size_t open_segments_max = 128;

struct SealedSegment {
    std::shared_ptr<const Segment> segment;
    SegmentIndex index;
    bool footer_damaged = false;
};

class SealedSegments {
  public:
    explicit SealedSegments(const StoreFiles& files) : files_(files) {}

    Result<std::shared_ptr<const SealedSegment>> get(const SegmentInfo& info);

    void forget(std::uint64_t number);

  private:
    struct Kept {
        std::shared_ptr<const SealedSegment> segment;
        std::list<std::uint64_t>::iterator use;
    };

    const StoreFiles& files_;
    std::map<std::uint64_t, Kept> kept_;
    std::list<std::uint64_t> uses_;  // the latest first
};

// The index of a sealed segment: as its footer says, or as its records do.
Result<SealedSegment> open_sealed(const StoreFiles& files, const SegmentInfo& info);

// What a footer for these records would say; records that cannot be read are left out.
Result<SegmentIndex> index_records(const Segment& segment, std::uint64_t end);

}  // namespace penstock::storage
