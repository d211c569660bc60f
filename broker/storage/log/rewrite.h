// Rewrite: copies what is still held of one sealed segment into a file of the next generation, a
// bounded step at a time. Entries keep set, index and ordinals; bodies held by nobody, entries
// without a held body and void entries are left behind. The file counts once the manifest lists it;
// before that a crash leaves nothing but a file to remove. Owned by the Reclaimer, broker thread.
#pragma once

#include "broker/storage/log/active_segment.h"
#include "broker/storage/log/shared_bodies.h"
#include "broker/storage/log/store_state.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::storage {

inline constexpr std::uint64_t rewrite_step_bytes = 256ULL << 10;

class Rewrite {
  public:
    Rewrite(StoreState& state, std::shared_ptr<const SealedSegment> old, SegmentInfo info);

    enum class Step { more, done, unreadable };

    // Unreadable: the segment holds records that cannot be read; it must stay as it is.
    Result<Step> step(const LiveBodies& live);

    // After Step::done: the new segment, footer and all, synced; without sets when nothing of the
    // old one is held.
    [[nodiscard]] const SegmentInfo& result() const { return result_; }

    [[nodiscard]] const SegmentInfo& old() const { return info_; }

    [[nodiscard]] bool has_copied(SetId set) const {
        return copy_ && copy_->index().sets().contains(set);
    }

    [[nodiscard]] std::uint64_t written_bytes() const { return copy_ ? copy_->tail() : 0; }

    // Whether the new segment has shared bodies.
    [[nodiscard]] bool shares_bodies() const { return shares_bodies_; }

    // Removes the new file, when one was made.
    Result<void> abandon() const;

  private:
    Result<Step> copy_some(const LiveBodies& live);
    Result<Step> copy_entry(const LiveBodies& live);

    // The bytes of a body that the entry's record has, or shares.
    Result<std::string> body_of(std::string_view payload, const BodySlot& slot);

    // Whether what is held of the entry would be copied as zeros, which stand for what the disk
    // refused to read.
    [[nodiscard]] bool loses_refused(const EntryView& view,
                                     const std::vector<std::uint32_t>& held) const;

    // Whether such zeros keep this segment as it is.
    [[nodiscard]] bool keeps_refused() const;

    // The ordinals that somebody holds here; none: the record is left behind.
    Result<std::vector<std::uint32_t>> held_here(const LiveBodies& live);
    Result<bool> needs_bytes(std::uint64_t from, std::uint64_t to, const LiveBodies& live);
    Result<Step> take_copy(const EntryRecord& copy, const std::vector<std::uint32_t>& held);
    Result<void> write();
    Result<Step> finish();

    StoreState& state_;
    std::shared_ptr<const SealedSegment> old_;
    SegmentInfo info_;
    SegmentInfo result_;
    RecordScanner scanner_;
    SharedBodies shared_;  // of the old one
    std::unique_ptr<ActiveSegment> copy_;
    bool shares_bodies_ = false;
    FactsBySet facts_;  // of the copy; sealed segments need none
    std::vector<StagedRecord> staged_;
    std::uint64_t staged_bytes_ = 0;
};

}  // namespace penstock::storage
