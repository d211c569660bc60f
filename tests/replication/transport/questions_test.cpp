// Open questions: each ends once, and says whether it may have been delivered.
#include "broker/replication/transport/questions.h"

#include <gtest/gtest.h>

namespace penstock::replication::transport {
namespace {

TakeAnswer nothing() {
    return [](const Answer&) {
    };
}

TEST(Questions, AnAnswerFindsItsQuestionOnce) {
    Questions questions(10);
    const auto first = questions.add(nothing(), 100);
    const auto second = questions.add(nothing(), 100);
    EXPECT_NE(first, second);
    EXPECT_TRUE(questions.take(first));
    EXPECT_FALSE(questions.take(first));
    EXPECT_FALSE(questions.leaves(first));
    EXPECT_TRUE(questions.leaves(second));
}

TEST(Questions, ExpireInTheOrderOfTheirDeadlines) {
    Questions questions(10);
    const auto left = questions.add(nothing(), 200);
    questions.add(nothing(), 100);
    questions.add(nothing(), 300);
    ASSERT_TRUE(questions.leaves(left));
    EXPECT_TRUE(questions.expire(99).empty());
    const auto expired = questions.expire(200);
    ASSERT_EQ(expired.size(), 2U);
    EXPECT_FALSE(expired[0].failure.maybe_delivered);
    EXPECT_TRUE(expired[1].failure.maybe_delivered);
    EXPECT_EQ(expired[1].failure.error.code, Errc::timeout);
    EXPECT_EQ(questions.end_all(error(Errc::unavailable, "gone")).size(), 1U);
    EXPECT_TRUE(questions.expire(1'000).empty());
}

TEST(Questions, AreCounted) {
    Questions questions(2);
    const auto first = questions.add(nothing(), 1);
    questions.add(nothing(), 1);
    EXPECT_TRUE(questions.full());
    questions.take(first);
    EXPECT_FALSE(questions.full());
}

}  // namespace
}  // namespace penstock::replication::transport
