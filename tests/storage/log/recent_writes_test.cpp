#include "broker/base/random.h"
#include "broker/storage/log/active_segment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace penstock::storage {
namespace {

struct Noted {
    std::uint64_t offset;
    TouchedSets sets;
};

// What they told, summed up from the beginning.
TouchedSets sum_of(const std::vector<Noted>& writes, std::uint64_t from) {
    TouchedSets sum;
    for (const Noted& write : writes) {
        if (write.offset < from) continue;
        for (const auto& [set, facts] : write.sets) {
            TouchedFacts& all = sum[set];
            all.kinds = static_cast<std::uint16_t>(all.kinds | facts.kinds);
            all.offset = std::max(all.offset, facts.offset);
        }
    }
    return sum;
}

TEST(RecentWrites, TellWhatTheWritesOfTheLastBytesTouched) {
    constexpr std::array tags{
        Tag::entry, Tag::hard_state, Tag::conf_state, Tag::start, Tag::dropped};
    SeededRandom random(5);
    RecentWrites recent;
    std::vector<Noted> writes;
    std::uint64_t offset = 64;
    EXPECT_EQ(recent.from(offset), offset);
    for (int at = 0; at < 2'000; ++at) {
        TouchedSets sets;
        for (std::uint64_t count = random.next() % 4; count > 0; --count) {
            const SetId set{static_cast<std::uint16_t>(1 + random.next() % 5)};
            touch(sets, set, tags.at(random.next() % tags.size()), offset);
        }
        writes.push_back({offset, sets});
        recent.note(offset, sets);
        const auto first = std::find_if(writes.begin(), writes.end(), [&](const Noted& write) {
            return write.offset + recent_bytes >= offset;
        });
        offset += 1 + random.next() % (recent_bytes / 4);
        ASSERT_EQ(recent.from(offset), first->offset);
        const TouchedSets wanted = sum_of(writes, first->offset);
        ASSERT_EQ(recent.touched().size(), wanted.size());
        for (const auto& [set, facts] : wanted) {
            const auto told = recent.touched().find(set);
            ASSERT_NE(told, recent.touched().end());
            ASSERT_EQ(told->second.kinds, facts.kinds);
            ASSERT_EQ(told->second.offset, facts.offset);
        }
    }
}

}  // namespace
}  // namespace penstock::storage
