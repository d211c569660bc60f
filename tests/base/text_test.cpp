#include "broker/base/base64.h"
#include "broker/base/instant.h"
#include "broker/base/random.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

// RFC 4648 section 10.
TEST(Base64, GivesTheVectorsOfTheRfc) {
    const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"},
                                                           {"\xFB\xFF\xFE", "+//+"}};
    for (const auto& [bytes, text] : vectors) {
        EXPECT_EQ(encode_base64(bytes), text);
        EXPECT_EQ(decode_base64(text), bytes);
    }
}

TEST(Base64, AnyBytesComeBack) {
    SeededRandom random(6);
    for (std::size_t length = 0; length < 200; ++length) {
        const std::string bytes = random.fill(length);
        ASSERT_EQ(decode_base64(encode_base64(bytes)), bytes);
    }
}

TEST(Base64, AnythingButTheStandardFormIsRefused) {
    for (const std::string text : {"Zg",
                                   "Zg=",
                                   "Zg===",
                                   "Z===",
                                   "====",
                                   "Zm9v\n",
                                   " Zm9",
                                   "Zm-_",
                                   "Zh==",
                                   "Zm9=",
                                   "Z=9v",
                                   "=m9v",
                                   "Zg==Zm9v",
                                   "Zm9\x80"}) {
        EXPECT_EQ(decode_base64(text), std::nullopt) << text;
    }
}

TEST(Instant, IsWrittenInUtcWithMilliseconds) {
    EXPECT_EQ(format_instant(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_instant(1'769'846'709'120), "2026-01-31T08:05:09.120Z");
    EXPECT_EQ(format_instant(951'782'400'001), "2000-02-29T00:00:00.001Z");
}

TEST(Instant, IsReadWithZoneAndAnyDecimals) {
    EXPECT_EQ(parse_instant("2026-01-31T08:05:09Z"), 1'769'846'709'000);
    EXPECT_EQ(parse_instant("2026-01-31T08:05:09.12Z"), 1'769'846'709'120);
    EXPECT_EQ(parse_instant("2026-01-31T08:05:09.1209999Z"), 1'769'846'709'120);
    EXPECT_EQ(parse_instant("2026-01-31T16:05:09.120+08:00"), 1'769'846'709'120);
    EXPECT_EQ(parse_instant("2026-01-31T02:35:09.120-05:30"), 1'769'846'709'120);
}

TEST(Instant, WhatIsNoInstantIsRefused) {
    for (const std::string text : {"",
                                   "2026",
                                   "2026-01-31",
                                   "2026-01-31T08:05:09",
                                   "2026-02-30T00:00:00Z",
                                   "2026-13-01T00:00:00Z",
                                   "2026-01-31T24:00:00Z",
                                   "2026-01-31T08:60:09Z",
                                   "2026-01-31T08:05:60Z",
                                   "2026-01-31T08:05:09.Z",
                                   "2026-01-31T08:05:09Zx",
                                   "2026-01-31T08:05:09+24:00",
                                   "1969-12-31T23:59:59Z",
                                   "1970-01-01T00:00:00+01:00",
                                   "+026-01-31T08:05:09Z",
                                   "2026-1-31T08:05:09Z"}) {
        EXPECT_EQ(parse_instant(text), std::nullopt) << text;
    }
}

TEST(Instant, WhatIsWrittenIsReadBack) {
    SeededRandom random(8);
    for (int round = 0; round < 1000; ++round) {
        const auto at = static_cast<std::int64_t>(random.below(253'402'300'800'000));
        ASSERT_EQ(parse_instant(format_instant(at)), at);
    }
}

}  // namespace
}  // namespace penstock
