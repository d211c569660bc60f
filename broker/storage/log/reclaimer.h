// Reclaimer: gives back the space of sealed segments: deletes those of which nothing is held, and
// rewrites those of which less than half is. Never one with an entry above what the node calls
// droppable. Owned by the SegmentLogStore, broker thread only.
#pragma once

#include "broker/storage/log/rewrite.h"
#include "broker/storage/log/store_state.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::storage {

class Reclaimer {
  public:
    explicit Reclaimer(StoreState& state) : state_(state) {}

    // See LogStore::reclaim. Error{unavailable}: no file may be opened at this moment; nothing has
    // changed, a later step does it. Any other error is final.
    Result<bool> step(const LiveBodies& live);

  private:
    [[nodiscard]] bool droppable(const SegmentInfo& info, const LiveBodies& live) const;
    [[nodiscard]] bool is_pinned(SetId set) const;
    [[nodiscard]] bool is_stale(const Rewrite& rewrite) const;
    Result<bool> drop_empty(const LiveBodies& live);
    Result<void> drop(Catalog& catalog, const std::vector<std::uint64_t>& numbers);
    [[nodiscard]] const SegmentInfo* to_repair(const LiveBodies& live) const;
    [[nodiscard]] const SegmentInfo* sparsest(const LiveBodies& live) const;
    Result<bool> rewrite_step(const LiveBodies& live);

    // Leaves a segment alone that cannot be opened whole.
    Result<void> begin(const SegmentInfo& info);

    // The segment stays as it is until something of it is repaired, or nothing of it is held.
    void keep(SegmentName name, const std::string& why);
    Result<void> look(const LiveBodies& live);
    Result<void> take_rewritten();

    StoreState& state_;

    // A large segment whose held bodies are counted: releases do not say which body of an entry
    // they are for, so that counts only tell when to look.
    struct Look {
        std::uint64_t number = 0;
        std::vector<std::pair<SetId, LogIndex>> left;
        std::map<SetId, std::uint64_t> held;
        std::map<SetId, std::uint64_t> released;  // before it began
    };

    std::unique_ptr<Rewrite> rewrite_;
    std::optional<Look> look_;
};

}  // namespace penstock::storage
