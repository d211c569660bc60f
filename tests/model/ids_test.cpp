#include "broker/model/ids.h"

#include <gtest/gtest.h>

namespace penstock::model {
namespace {

TEST(MessageId, PacksSetIndexAndOrdinalUnderAZeroTopBit) {
    const MessageId id{SetId{1}, 2, 3};
    EXPECT_EQ(id.value, (std::uint64_t{1} << 51) | (2U << 9) | 3U);
    const MessageId largest{SetId{4095}, (LogIndex{1} << 42) - 1, 511};
    EXPECT_EQ(largest.value, UINT64_MAX >> 1);
    EXPECT_EQ(largest.set(), SetId{4095});
    EXPECT_EQ(largest.index(), (LogIndex{1} << 42) - 1);
    EXPECT_EQ(largest.ordinal(), 511U);
    EXPECT_EQ(id.set(), SetId{1});
    EXPECT_EQ(id.index(), 2U);
    EXPECT_EQ(id.ordinal(), 3U);
}

TEST(MessageId, GrowsWithTheLog) {
    EXPECT_LT((MessageId{SetId{1}, 2, 511}), (MessageId{SetId{1}, 3, 0}));
}

TEST(MessageId, IsShownAsDecimalTextAndReadBack) {
    const MessageId id{SetId{1}, 2, 3};
    EXPECT_EQ(to_text(id), "2251799813686275");
    EXPECT_EQ(parse_decimal("2251799813686275"), id.value);
    EXPECT_EQ(to_text(Receipt{UINT64_MAX}), "18446744073709551615");
    EXPECT_EQ(parse_decimal("18446744073709551615"), UINT64_MAX);
}

TEST(ParseDecimal, TakesDigitsOnly) {
    for (const std::string text : {"",
                                   " 1",
                                   "1 ",
                                   "+1",
                                   "-1",
                                   "0x1",
                                   "1.0",
                                   "1e3",
                                   "18446744073709551616",
                                   "\xEF\xBC\x91"}) {
        EXPECT_EQ(parse_decimal(text), std::nullopt) << text;
    }
    EXPECT_EQ(parse_decimal("007"), 7U);
}

}  // namespace
}  // namespace penstock::model
