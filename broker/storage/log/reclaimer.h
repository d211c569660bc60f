// Reclaimer: gives back the space of sealed segments: deletes those of which nothing is held, and
// rewrites those of which less than half is. Never one with an entry above what the node calls
// droppable. Owned by the SegmentLogStore, broker thread only.
#pragma once

#include "broker/storage/log/rewrite.h"
#include "broker/storage/log/store_state.h"

#include <memory>

namespace penstock::storage {

class Reclaimer {
  public:
    explicit Reclaimer(StoreState& state) : state_(state) {}

    // See LogStore::reclaim.
    Result<bool> step(const LiveBodies& live);

  private:
    [[nodiscard]] bool droppable(const SegmentInfo& info, const LiveBodies& live) const;
    [[nodiscard]] bool is_pinned(SetId set) const;
    [[nodiscard]] bool is_stale(const Rewrite& rewrite) const;
    Result<bool> drop_empty(const LiveBodies& live);
    Result<void> drop(const std::vector<std::uint64_t>& numbers);
    [[nodiscard]] const SegmentInfo* to_repair(const LiveBodies& live) const;
    [[nodiscard]] const SegmentInfo* sparsest(const LiveBodies& live) const;
    Result<bool> rewrite_step(const LiveBodies& live);
    Result<void> take_rewritten();
    void forget_first_entries(const SegmentInfo& info);

    StoreState& state_;
    std::unique_ptr<Rewrite> rewrite_;
};

}  // namespace penstock::storage
