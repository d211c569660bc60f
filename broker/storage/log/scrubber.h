// Scrubber: reads the sealed segments again, round and round, and finds what no longer matches its
// checksum. Owned by the SegmentLogStore, broker thread only.
#pragma once

#include "broker/storage/log/segment.h"
#include "broker/storage/log/shared_bodies.h"
#include "broker/storage/log/store_state.h"

#include <cstdint>
#include <vector>

namespace penstock::storage {

class Scrubber {
  public:
    explicit Scrubber(StoreState& state) : state_(state) {}

    // See LogStore::scrub. Goes on to the end of the write in which `bytes` end. Error{unavailable}
    // as of the Reclaimer.
    Result<std::vector<MessageId>> step(std::uint64_t bytes);

  private:
    // The next one from number_ on that is sealed, round and round; none: there is none.
    [[nodiscard]] const SegmentInfo* next_sealed() const;
    Result<std::uint64_t> scrub_segment(const SegmentInfo& info,
                                        std::uint64_t bytes,
                                        std::vector<MessageId>& damaged);
    Result<void> check_record(const SegmentInfo& info,
                              const SealedSegment& sealed,
                              RecordScanner& scanner,
                              SharedBodies& shared,
                              std::vector<MessageId>& damaged);
    Result<void> lose(const SegmentInfo& info,
                      const SealedSegment& sealed,
                      const WriteRow& row,
                      std::uint64_t at,
                      std::vector<MessageId>& damaged);

    // All bodies of a record of large ones, or `only` these of them.
    Result<void> lose_apart(const SegmentInfo& info,
                            const WriteRow& row,
                            const std::vector<std::uint32_t>* only,
                            std::uint64_t at,
                            std::vector<MessageId>& damaged);
    void note(const SegmentInfo& info, std::uint64_t at);

    StoreState& state_;
    std::uint64_t number_ = 0;  // where to go on
    std::uint64_t offset_ = file_header_bytes;
    std::vector<WriteRow> expected_;  // of the current write, in reverse
};

}  // namespace penstock::storage
