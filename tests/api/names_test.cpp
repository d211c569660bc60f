#include "broker/api/names.h"

#include <gtest/gtest.h>

namespace penstock::api {
namespace {

TEST(Names, BeginWithALetterAndHoldLettersDigitsDashesAndUnderscores) {
    for (const char* name : {"a", "Z", "orders", "a-b_c9", "A1"}) EXPECT_TRUE(valid_name(name));
    EXPECT_TRUE(valid_name(std::string(64, 'a')));
}

TEST(Names, AreRefusedOtherwise) {
    for (const char* name : {"", "1a", "-a", "_a", "a.b", "a b", "a/b", "\u00e9", "a\u00e9"}) {
        EXPECT_FALSE(valid_name(name)) << name;
    }
    EXPECT_FALSE(valid_name(std::string(65, 'a')));
    EXPECT_FALSE(valid_name(std::string("a\0b", 3)));
}

TEST(Names, OfAutomaticDeadLetterQueuesCannotBeUsersNames) {
    EXPECT_EQ(automatic_dead_letter_name("events", "audit"), "events.audit.dlq");
    EXPECT_FALSE(valid_name(automatic_dead_letter_name("events", "audit")));
}

TEST(Utf8, TakesWellFormedSequencesOfEveryLength) {
    for (const char* text : {"",
                             "a",
                             "\xc2\x80",
                             "\xdf\xbf",
                             "\xe0\xa0\x80",
                             "\xed\x9f\xbf",
                             "\xee\x80\x80",
                             "\xf0\x90\x80\x80",
                             "\xf4\x8f\xbf\xbf"}) {
        EXPECT_TRUE(valid_utf8(text)) << text;
    }
}

TEST(Utf8, RefusesOverlongSurrogatesStrayAndCutBytes) {
    for (const char* text : {"\x80",
                             "\xc0\xaf",
                             "\xc1\xbf",
                             "\xe0\x9f\xbf",
                             "\xed\xa0\x80",
                             "\xf0\x8f\xbf\xbf",
                             "\xf4\x90\x80\x80",
                             "\xf5\x80\x80\x80",
                             "\xff",
                             "\xc2",
                             "\xe2\x82",
                             "\xf0\x9f\x98",
                             "a\xc2z",
                             "\xe2\x28\xa1"}) {
        EXPECT_FALSE(valid_utf8(text)) << text;
    }
}

TEST(Utf8, FindsABadByteWhereverItStandsInLongText) {
    for (std::size_t at = 0; at < 40; ++at) {
        std::string text(40, 'a');
        EXPECT_TRUE(valid_utf8(text.substr(0, at)));
        text[at] = '\xff';
        EXPECT_FALSE(valid_utf8(text)) << at;
        text.replace(at, 1, "\xe2\x82\xac");
        EXPECT_TRUE(valid_utf8(text)) << at;
    }
}

}  // namespace
}  // namespace penstock::api
