// HeldRows: what the node's rows would say, with everything up to one index flushed and only some
// messages held. One test, one thread.
#pragma once

#include "tests/storage/log/store_fixture.h"

#include <cstdint>
#include <set>
#include <vector>

namespace penstock::storage::testing {

class HeldRows final : public LiveBodies {
  public:
    LogIndex flushed = 0;
    std::set<MessageId> held;

    [[nodiscard]] LogIndex droppable_to(SetId) const override { return flushed; }

    [[nodiscard]] std::vector<std::uint32_t> live_ordinals(SetId set,
                                                           LogIndex index) const override {
        std::vector<std::uint32_t> ordinals;
        for (std::uint32_t ordinal = 0; ordinal < 4; ++ordinal) {
            if (held.contains(MessageId(set, index, ordinal))) ordinals.push_back(ordinal);
        }
        return ordinals;
    }
};

inline void reclaim_all(LogStore& store, const LiveBodies& rows) {
    for (int step = 0; step < 1'000; ++step) {
        const auto more = store.reclaim(rows);
        ASSERT_TRUE(more.has_value()) << more.error().detail;
        if (!*more) return;
    }
    FAIL() << "reclaiming does not end";
}

}  // namespace penstock::storage::testing
