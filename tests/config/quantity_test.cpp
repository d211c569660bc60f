#include "broker/config/quantity.h"

#include <gtest/gtest.h>

namespace penstock::config {
namespace {

TEST(Quantity, DurationsCarryAUnit) {
    EXPECT_EQ(parse_duration_ms("90s"), 90'000U);
    EXPECT_EQ(parse_duration_ms("15m"), 900'000U);
    EXPECT_EQ(parse_duration_ms("3d"), 259'200'000U);
    EXPECT_EQ(parse_duration_ms("250ms"), 250U);
    for (const char* text : {"", "90", "s", "-1s", "1.5s", "1 s", "1S", "99999999999999999999s"})
        EXPECT_FALSE(parse_duration_ms(text)) << text;
}

TEST(Quantity, SizesAreBinary) {
    EXPECT_EQ(parse_size_bytes("512"), 512U);
    EXPECT_EQ(parse_size_bytes("64KiB"), 65'536U);
    EXPECT_EQ(parse_size_bytes("1GiB"), 1'073'741'824U);
    for (const char* text : {"", "KiB", "1kb", "1MB", "1 MiB", "99999999TiB"})
        EXPECT_FALSE(parse_size_bytes(text)) << text;
}

TEST(Quantity, FormattingTakesTheLargestUnitThatFits) {
    EXPECT_EQ(format_duration_ms(259'200'000), "3d");
    EXPECT_EQ(format_duration_ms(90'000), "90s");
    EXPECT_EQ(format_duration_ms(1'500), "1500ms");
    EXPECT_EQ(format_duration_ms(0), "0ms");
    EXPECT_EQ(format_size_bytes(64ULL << 20U), "64MiB");
    EXPECT_EQ(format_size_bytes(1000), "1000");
}

}  // namespace
}  // namespace penstock::config
