// LargeSegments: segments of their own for large bodies, so that what scans, rewrites and reads
// small messages passes them by. The bodies of a write go into the one that is written to, with one
// write and one sync, before the entries that say so. No set's index is twice in one large segment
// while an entry may need the first of them, and none that an earlier process began is gone on
// with: a body is never taken for another one, and none is written over. Owned by the
// SegmentLogStore, broker thread only. Any error of a write or sync is final.
#pragma once

#include "broker/storage/log/active_segment.h"
#include "broker/storage/log/recovery.h"
#include "broker/storage/log/segment_index.h"
#include "broker/storage/log/store_state.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace penstock::storage {

// Bodies from here up lie apart from their entry.
inline constexpr std::size_t large_body_bytes = 64ULL << 10;
static_assert(large_body_bytes >= sample_spacing, "each record has a sample: places are complete");

class LargeSegments {
  public:
    LargeSegments(StoreState& state, const std::uint64_t& segment_bytes)
        : state_(state), segment_bytes_(segment_bytes) {}

    // Makes the large bodies of the records durable, and says in the records where they are.
    Result<void> write(std::span<StagedRecord> records);

    // A record was written, in its turn: what of the large bodies counts, and what is void.
    void note(const StagedRecord& record);

    // Writes the list of segments when what it says of a set is void since the last write.
    Result<void> settle();

    // What the list says of sets that were made void just before the process before ended.
    void forget_void(const FactsBySet& facts);

    // Takes the segments that no process sealed, without what no entry says is there.
    Result<void> take_open(std::vector<OpenLarge> segments);

    // Writes their footers and gives back what they do not use.
    Result<void> seal_open();

    [[nodiscard]] std::uint64_t syncs() const { return syncs_; }

  private:
    [[nodiscard]] bool takes(std::span<const StagedRecord> parts) const;
    Result<void> roll(std::span<const StagedRecord> parts);
    Result<std::unique_ptr<ActiveSegment>> create(std::uint64_t bytes);
    Result<SegmentInfo> seal(const OpenLarge& open);
    Result<void> list(const std::vector<SegmentInfo>& sealed, const ActiveSegment* next);

    StoreState& state_;
    const std::uint64_t& segment_bytes_;  // as fits the disk
    std::vector<OpenLarge> open_;         // not sealed yet, since take_open()
    bool unsettled_ = false;              // the list says of a set what is void
    std::uint64_t syncs_ = 0;
};

}  // namespace penstock::storage
