#include "broker/api/policy.h"

#include <gtest/gtest.h>

namespace penstock::api {

namespace {

using model::Statement;

TEST(Policy, AStarStandsForAnyCharactersAndNoneElse) {
    EXPECT_TRUE(matches("*", ""));
    EXPECT_TRUE(matches("*", "queue/jobs"));
    EXPECT_TRUE(matches("queue/*", "queue/"));
    EXPECT_TRUE(matches("queue/orders-*-eu", "queue/orders-1-us-eu"));
    EXPECT_TRUE(matches("**a*", "banana"));
    EXPECT_FALSE(matches("queue/*-eu", "queue/orders-eu-1"));
    EXPECT_FALSE(matches("queue/jobs", "queue/jobs2"));
    EXPECT_FALSE(matches("queue/jobs2", "queue/jobs"));
    EXPECT_FALSE(matches("", "a"));
    EXPECT_FALSE(matches("queue/.*", "queue/jobs"));
    EXPECT_FALSE(matches("Get*", "getQueue"));
    EXPECT_TRUE(matches("queue/JOBS", "queue/jobs", true));
}

TEST(Policy, AHostilePatternCostsNoMoreThanItsLengthTimesTheTexts) {
    const std::string pattern = [] {
        std::string text;
        for (int at = 0; at < 80; ++at) text += "*a";
        return text;
    }();
    EXPECT_FALSE(matches(pattern, std::string(10'000, 'a') + "b"));
}

TEST(Policy, ADenialBeatsAnyAllowanceWhereverItStands) {
    const Statement allow{false, {"*"}, {"*"}};
    const Statement deny{true, {"Delete*"}, {"queue/orders-*"}};
    for (const auto& statements :
         {std::vector<Statement>{allow, deny}, std::vector<Statement>{deny, allow}}) {
        EXPECT_EQ(weigh(statements, "DeleteQueue", "queue/orders-1"), Verdict::denied);
        EXPECT_EQ(weigh(statements, "DeleteQueue", "queue/jobs"), Verdict::allowed);
        EXPECT_EQ(weigh(statements, "GetQueue", "queue/orders-1"), Verdict::allowed);
    }
    EXPECT_EQ(weigh({deny}, "GetQueue", "queue/orders-1"), Verdict::silent);
    EXPECT_EQ(weigh({}, "GetQueue", "queue/orders-1"), Verdict::silent);
}

TEST(Policy, AQueueIsTheSameInAnyLetterCaseAndATopicIsNot) {
    const std::vector<Statement> deny{{true, {"*"}, {"queue/Secret*", "topic/Secret"}}};
    EXPECT_EQ(weigh(deny, "GetQueue", "queue/sEcREt-1"), Verdict::denied);
    EXPECT_EQ(weigh(deny, "GetTopic", "topic/Secret"), Verdict::denied);
    EXPECT_EQ(weigh(deny, "GetTopic", "topic/secret"), Verdict::silent);
}

}  // namespace

}  // namespace penstock::api
