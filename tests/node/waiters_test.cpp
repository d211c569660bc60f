#include "broker/node/waiters.h"

#include <gtest/gtest.h>

namespace penstock::node {

namespace {

Receive waiting(std::uint32_t queue, std::int64_t until_us) {
    auto call = std::make_shared<Call>(
        boost::asio::any_io_executor(), api::Broker::Answer(), nullptr, nullptr);
    return Receive{std::move(call), model::QueueNo{queue}, 1, 0, until_us};
}

}  // namespace

TEST(Waiters, AreWokenOldestFirstAndOnlyThoseOfTheQueue) {
    Waiters waiters;
    const Receive first = waiting(1, 100);
    const Receive second = waiting(1, 50);
    waiters.add(first);
    waiters.add(waiting(2, 10));
    waiters.add(second);
    const auto woken = waiters.wake(model::QueueNo{1}, 1);
    ASSERT_EQ(woken.size(), 1U);
    EXPECT_EQ(woken[0].call, first.call);
    EXPECT_EQ(waiters.size(), 2U);
    EXPECT_EQ(waiters.size(model::QueueNo{1}), 1U);
}

TEST(Waiters, OneWokenInVainKeepsItsPlace) {
    Waiters waiters;
    const Receive first = waiting(1, 100);
    waiters.add(waiting(1, 100));
    waiters.add(first, Waiters::Place::front);
    EXPECT_EQ(waiters.wake(model::QueueNo{1}, 1)[0].call, first.call);
}

TEST(Waiters, ExpireByDeadlineAcrossQueues) {
    Waiters waiters;
    waiters.add(waiting(1, 300));
    waiters.add(waiting(2, 100));
    waiters.add(waiting(3, 200));
    EXPECT_EQ(waiters.next_deadline_us(), 100);
    EXPECT_TRUE(waiters.expire(99).empty());
    EXPECT_EQ(waiters.expire(200).size(), 2U);
    EXPECT_EQ(waiters.next_deadline_us(), 300);
}

TEST(Waiters, ACancelledOneIsForgotten) {
    Waiters waiters;
    const Receive one = waiting(1, 100);
    waiters.add(one);
    EXPECT_TRUE(waiters.cancel(one.call));
    EXPECT_FALSE(waiters.cancel(one.call));
    EXPECT_EQ(waiters.size(), 0U);
    EXPECT_FALSE(waiters.next_deadline_us());
}

}  // namespace penstock::node
