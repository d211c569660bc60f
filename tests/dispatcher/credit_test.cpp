// Credit in bytes: subscriptions whose endpoints hang beside healthy ones, many busy ones together,
// and that nothing held is lost count of. All limits are a thousandth of the usual ones.
#include "dispatcher/scheduler.h"
#include "tests/dispatcher/deliveries.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {
namespace {

using model::SubscriptionNo;

constexpr SubscriptionNo healthy{1};
constexpr std::uint32_t first_sick = 100;
constexpr std::size_t large = 1'000;
constexpr std::size_t small = 10;

SchedulerLimits a_thousandth() {
    SchedulerLimits limits;
    limits.held_bytes_max = 64'000;
    limits.quiet_bytes_max = 16'000;
    limits.lane_bytes_max = 4'000;
    limits.lane_bytes_sure = 640;
    limits.payload_bytes_first = large;
    return limits;
}

// A broker with an endless backlog for every subscription, and endpoints that end what the test
// says.
class Yard {
  public:
    void open(SubscriptionNo subscription, std::size_t bytes, std::uint32_t concurrency = 16) {
        api::Target target;
        target.subscription = subscription;
        target.spec.concurrency = concurrency;
        scheduler.set_target(target, 0);
        houses_[subscription].bytes = bytes;
    }

    void open_sick(std::uint32_t count, std::size_t bytes, std::uint32_t concurrency = 16) {
        for (std::uint32_t at = 0; at < count; ++at) {
            open(SubscriptionNo{first_sick + at}, bytes, concurrency);
        }
    }

    // What is granted is handed out, and what may start starts.
    void round() {
        for (const Grant& grant : scheduler.grants()) {
            House& house = houses_.at(grant.subscription);
            const model::Sequence last = house.last + grant.more;
            scheduler.take(deliveries_of(grant.subscription, house.last + 1, last, 1, house.bytes),
                           0);
            house.last = last;
            house.handed_out += grant.more;
            held += grant.more * house.bytes;
        }
        while (const Flight* flight = scheduler.start_next(0, 0)) {
            houses_.at(flight->delivery.subscription).tickets.push_back(flight->ticket);
        }
    }

    void rounds(unsigned count) {
        for (unsigned at = 0; at < count; ++at) round();
    }

    // All attempts of the subscription that are under way end well.
    void finish(SubscriptionNo subscription) {
        House& house = houses_.at(subscription);
        for (const std::uint64_t ticket : std::exchange(house.tickets, {})) {
            scheduler.finish(ticket, {}, 0);
            held -= house.bytes;
        }
    }

    // How many it is handed out during an attempt of its endpoint, once it goes by itself.
    std::uint32_t pace(SubscriptionNo subscription) {
        for (unsigned turn = 0; turn < 10; ++turn) {
            houses_.at(subscription).handed_out = 0;
            rounds(2);
            finish(subscription);
        }
        return houses_.at(subscription).handed_out;
    }

    Scheduler scheduler{a_thousandth()};
    std::size_t held = 0;  // bytes handed out and not over

  private:
    struct House {
        std::size_t bytes = 0;
        model::Sequence last = 0;
        std::uint32_t handed_out = 0;
        std::vector<std::uint64_t> tickets;
    };

    std::map<SubscriptionNo, House> houses_;
};

TEST(Credit, OneAloneHasAllThatASubscriptionMayHave) {
    Yard yard;
    yard.open(healthy, large);
    yard.rounds(10);
    EXPECT_EQ(yard.held, 4'000U);
    EXPECT_GE(yard.pace(healthy), 3U);
}

TEST(Credit, SickOnesWithLargePayloadsLeaveAHealthyOneItsWindow) {
    Yard yard;
    yard.open_sick(16, large);
    yard.rounds(20);
    EXPECT_GE(yard.held, 16'000U) << "they do get something";
    EXPECT_LE(yard.held, 64'000U);
    yard.open(healthy, small);
    EXPECT_GE(yard.pace(healthy), 16U) << "as many as it may have under way at a time";
}

TEST(Credit, AHealthyOneWithLargerPayloadsHasItsShareBesideThem) {
    Yard yard;
    yard.open_sick(16, large);
    yard.rounds(20);
    yard.open(healthy, 100);
    EXPECT_GE(yard.pace(healthy), 16U);
}

// One message each is more than all may hold.
TEST(Credit, ManySickOnesLeaveAHealthyOneItsSureBytes) {
    Yard yard;
    yard.open_sick(100, large);
    yard.rounds(20);
    EXPECT_EQ(yard.held, 100 * large) << "one each";
    yard.open(healthy, small);
    EXPECT_GE(yard.pace(healthy), 16U);
}

// What was asked for counts before it is here: all of them ask in the same turn.
TEST(Credit, ManyBusyOnesKeepToTheLimitTogether) {
    Yard yard;
    yard.open_sick(100, 100, 40);
    yard.rounds(20);
    EXPECT_LE(yard.held, 64'000U + 100 * 640U);
}

TEST(Credit, NewOnesBeginWithFewUntilTheirPayloadsAreKnown) {
    Yard yard;
    yard.open_sick(16, large);
    yard.round();
    EXPECT_EQ(yard.held, 16 * large);
}

// Four payloads are all that a subscription may have: of one byte too much it has three.
bool all_is_free(Scheduler& scheduler) {
    api::Target target;
    target.subscription = healthy;
    scheduler.set_target(target, 0);
    return scheduler.grants() == std::vector<Grant>{{healthy, 4}};
}

TEST(Credit, WhatDroppedOnesHeldIsFreeOnceTheirAttemptsEnded) {
    Yard yard;
    yard.open_sick(16, large, 1);
    yard.rounds(20);
    const std::size_t held = yard.held;
    EXPECT_GT(held, 16'000U) << "one under way each, and some wait";
    for (std::uint32_t at = 0; at < 16; ++at) {
        yard.scheduler.drop_target(SubscriptionNo{first_sick + at});
    }
    EXPECT_FALSE(all_is_free(yard.scheduler));
    yard.scheduler.drop_target(healthy);
    for (std::uint32_t at = 0; at < 16; ++at) yard.finish(SubscriptionNo{first_sick + at});
    EXPECT_TRUE(all_is_free(yard.scheduler));
}

// Credit that is open, deliveries that wait, behind their keys or for a retry, go back or end.
TEST(Credit, NothingIsLostCountOfThroughALife) {
    Scheduler scheduler{a_thousandth()};
    api::Target target;
    target.subscription = SubscriptionNo{first_sick};
    target.spec.concurrency = 2;
    for (const bool by_key : {true, false}) {
        target.spec.pace.order_by_key = by_key;
        target.spec.state = model::SubscriptionState::active;
        scheduler.set_target(target, 0);
        scheduler.grants();
        auto all = deliveries_of(target.subscription, 1, 6, 2, 300);
        for (std::size_t at = 0; at < 4; ++at) all[at].meta.ordering_key = "a";
        scheduler.take(std::move(all), 0);
        const Flight* one = scheduler.start_next(0, 0);
        const Flight* other = scheduler.start_next(0, 0);
        ASSERT_TRUE(one != nullptr && other != nullptr);
        sinks::AttemptResult failed;
        failed.verdict = model::Verdict::retry;
        failed.failure = model::Failure::timeout;
        scheduler.finish(one->ticket, failed, 0);
        scheduler.grants();
        target.spec.state = model::SubscriptionState::paused;
        scheduler.set_target(target, 0);
        scheduler.finish(other->ticket, {}, 0);
        scheduler.grants();
        EXPECT_TRUE(all_is_free(scheduler)) << (by_key ? "by key" : "plain");
        scheduler.drop_target(healthy);
    }
}

}  // namespace
}  // namespace penstock::dispatcher
