#include "broker/cluster/polls.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace penstock::cluster {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t answer_us = 10 * second_us;

// How long a receive of that wait waits when it is asked again so long after it began.
std::optional<std::uint32_t> wait_after(std::optional<std::uint32_t> wait_s, std::int64_t gone_us) {
    api::ReceiveMessages receive;
    receive.wait_s = wait_s;
    api::Request request = receive;
    shorten(request, answer_us + poll_us(request) - gone_us, answer_us);
    return std::get<api::ReceiveMessages>(request).wait_s;
}

node::CallPtr call() {
    return std::make_shared<node::Call>(
        boost::asio::any_io_executor(), api::Broker::Answer(), nullptr, nullptr);
}

TEST(Polls, WhoIsAskedAgainWaitsForWhatIsLeft) {
    EXPECT_EQ(wait_after(25, 0), 25U);
    EXPECT_EQ(wait_after(25, 1), 25U);
    EXPECT_EQ(wait_after(25, second_us), 24U);
    EXPECT_EQ(wait_after(25, 24 * second_us + 1), 1U);
    EXPECT_EQ(wait_after(25, 30 * second_us), 0U);
    EXPECT_EQ(wait_after(25, 40 * second_us), 0U);
    EXPECT_EQ(wait_after(0, second_us), 0U);
}

TEST(Polls, AWaitThatTheQueueSaysBeginsAnewWhileItsAnswerComesInTime) {
    EXPECT_EQ(wait_after(std::nullopt, 5 * second_us), std::nullopt);
    EXPECT_EQ(wait_after(std::nullopt, 5 * second_us + 1), 0U);
    EXPECT_EQ(wait_after(std::nullopt, 40 * second_us), 0U);
}

TEST(Polls, OtherRequestsStayAsTheyAre) {
    api::Request request = api::TakeChecks{"q", 1, 20};
    shorten(request, second_us, answer_us);
    EXPECT_EQ(std::get<api::TakeChecks>(request).wait_s, 20U);
}

TEST(ServedPolls, AreGivenBackOnceAndOnlyUnanswered) {
    ServedPolls polls;
    std::vector<std::string> told;
    const auto respond = [&](std::string answer) {
        told.push_back(std::move(answer));
    };
    const node::CallPtr waiting = call();
    const node::CallPtr answered = call();
    polls.add(waiting, respond);
    polls.add(answered, respond);
    EXPECT_TRUE(answered->claim());
    EXPECT_FALSE(polls.give_back(call(), "another's"));
    EXPECT_TRUE(polls.give_back(answered, "late"));
    EXPECT_TRUE(polls.give_back(waiting, "go on elsewhere"));
    EXPECT_TRUE(waiting->answered());
    EXPECT_FALSE(polls.give_back(waiting, "twice"));
    EXPECT_EQ(told, std::vector<std::string>{"go on elsewhere"});
}

TEST(ServedPolls, ManyOfThemThatAreAnsweredCostNoneThatWaits) {
    ServedPolls polls;
    int told = 0;
    const auto respond = [&](const std::string&) {
        ++told;
    };
    const node::CallPtr waiting = call();
    polls.add(waiting, respond);
    for (int number = 0; number < 10'000; ++number) polls.add(call(), respond);
    EXPECT_TRUE(polls.give_back(waiting, {}));
    EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace penstock::cluster
