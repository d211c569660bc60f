#include "broker/storage/rows/key_ranges.h"

#include "broker/base/random.h"

#include <gtest/gtest.h>

namespace penstock::storage {
namespace {

using Ranges = KeyRanges::Ranges;

TEST(KeyRanges, ThoseThatMeetAreOne) {
    KeyRanges ranges;
    ranges.add("b", "c");
    ranges.add("e", "f");
    ranges.add("h", "i");
    ranges.add("c", "e");
    EXPECT_EQ(ranges.all(), (Ranges{{"b", "f"}, {"h", "i"}}));
    ranges.add("c", "d");
    EXPECT_EQ(ranges.all(), (Ranges{{"b", "f"}, {"h", "i"}}));
    ranges.add("a", "z");
    EXPECT_EQ(ranges.all(), (Ranges{{"a", "z"}}));
}

TEST(KeyRanges, NothingIsNoRange) {
    KeyRanges ranges;
    ranges.add("b", "b");
    ranges.add("c", "b");
    EXPECT_TRUE(ranges.all().empty());
    EXPECT_EQ(ranges.bytes(), 0U);
}

TEST(KeyRanges, TheEndIsOutside) {
    KeyRanges ranges;
    ranges.add("b", "d");
    EXPECT_FALSE(ranges.has("a"));
    EXPECT_TRUE(ranges.has("b"));
    EXPECT_TRUE(ranges.has("cc"));
    EXPECT_FALSE(ranges.has("d"));
    EXPECT_TRUE(ranges.covers("b", "d"));
    EXPECT_TRUE(ranges.covers("c", "cc"));
    EXPECT_FALSE(ranges.covers("b", "da"));
    EXPECT_FALSE(ranges.covers("a", "c"));
    EXPECT_EQ(ranges.reach("c"), "d");
    EXPECT_EQ(ranges.reach("d"), "d");
    EXPECT_EQ(ranges.reach("a"), "a");
}

TEST(KeyRanges, AgreeWithASetOfKeys) {
    SeededRandom random(3);
    const auto key = [&] { return std::string(1, static_cast<char>('a' + random.next() % 26)); };
    for (int round = 0; round < 200; ++round) {
        KeyRanges ranges;
        std::string inside(26, '-');
        for (int step = 0; step < 8; ++step) {
            const std::string first = key();
            const std::string end = key();
            ranges.add(first, end);
            for (char at = first[0]; at < end[0]; ++at) {
                inside[static_cast<std::size_t>(at - 'a')] = 'x';
            }
            for (std::size_t at = 0; at < inside.size(); ++at) {
                const std::string one(1, static_cast<char>('a' + at));
                ASSERT_EQ(ranges.has(one), inside[at] == 'x') << one << " of " << inside;
            }
            std::size_t wanted = 0;
            for (std::size_t at = 0; at < inside.size(); ++at) {
                wanted += inside[at] == 'x' && (at == 0 || inside[at - 1] == '-') ? 1 : 0;
            }
            ASSERT_EQ(ranges.all().size(), wanted) << inside;
        }
        ranges.clear();
        ASSERT_EQ(ranges.bytes(), 0U);
    }
}

}  // namespace
}  // namespace penstock::storage
