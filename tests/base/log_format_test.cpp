#include "broker/base/log_format.h"

#include <gtest/gtest.h>

namespace penstock {

namespace {

TEST(LogFormat, GivesEachNameAMemberAndTheOtherWordsAMessage) {
    EXPECT_EQ(log_members("node", "event=start the log is whole index=5"),
              R"("room":"node","event":"start","index":"5","message":"the log is whole")");
    EXPECT_EQ(log_members("node", ""), R"("room":"node")");
}

TEST(LogFormat, TakesWhatStandsInQuotesAsOneValue) {
    EXPECT_EQ(log_members("audit", R"(event=audit object="a b=c" outcome=done)"),
              R"("room":"audit","event":"audit","object":"a b=c","outcome":"done")");
    EXPECT_EQ(log_members("audit", R"(why="no end)"), R"("room":"audit","why":"\"no end")");
}

TEST(LogFormat, LetsNoEventForgeAMember) {
    EXPECT_EQ(log_members("node", "event=a event=b level=error Name=x =y"),
              R"("room":"node","event":"a","message":"event=b level=error Name=x =y")");
    EXPECT_EQ(log_members("n\"o", "a\"b\\c\n\x01\x7F"),
              "\"room\":\"n\\\"o\",\"message\":\"a\\\"b\\\\c\\u000a\\u0001\\u007f\"");
}

TEST(LogFormat, IsUtf8WhateverItIsGiven) {
    EXPECT_EQ(log_members("n", "gr\xC3\xBC\xC3\x9F"),
              "\"room\":\"n\",\"message\":\"gr\xC3\xBC\xC3\x9F\"");
    EXPECT_EQ(log_members("n", "\xC3"), "\"room\":\"n\",\"message\":\"\\ufffd\"");
    EXPECT_EQ(log_members("n", "\x80x\xFF"), "\"room\":\"n\",\"message\":\"\\ufffdx\\ufffd\"");
}

}  // namespace

}  // namespace penstock
