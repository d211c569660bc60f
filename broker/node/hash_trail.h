// HashTrail: a set's state hashes at its last applied entries, so that replicas can compare theirs
// at one index although none of them stands still. Bounded; owned by the HostedSet, broker thread.
#pragma once

#include "broker/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace penstock::node {

class HashTrail {
  public:
    static constexpr std::size_t entries_kept = 8'192;

    // Entries come in order; after a gap (rows were replaced) the trail begins anew.
    void note(model::LogIndex index, std::uint64_t hash) {
        if (hashes_.empty()) hashes_.resize(entries_kept);
        if (index != last_ + 1) first_ = index;
        last_ = index;
        if (last_ - first_ >= entries_kept) first_ = last_ - entries_kept + 1;
        hashes_[index % entries_kept] = hash;
    }

    // Nothing: not applied yet, or too long ago.
    [[nodiscard]] std::optional<std::uint64_t> at(model::LogIndex index) const {
        if (hashes_.empty() || index < first_ || index > last_) return {};
        return hashes_[index % entries_kept];
    }

  private:
    std::vector<std::uint64_t> hashes_;  // by index, round and round
    model::LogIndex first_ = 0;
    model::LogIndex last_ = 0;
};

}  // namespace penstock::node
