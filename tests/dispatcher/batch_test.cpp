// Batches: several deliveries of a subscription in one request; when they go, and how each ends.
#include "dispatcher/heed.h"
#include "dispatcher/scheduler.h"
#include "tests/dispatcher/deliveries.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {
namespace {

using model::Failure;
using model::Verdict;
using Sequences = std::vector<model::Sequence>;

constexpr model::SubscriptionNo lake{11};
constexpr std::int64_t ms = 1'000;

struct Batching {
    explicit Batching(std::uint32_t batch, std::uint32_t linger_ms = 0) {
        target.subscription = lake;
        target.spec.endpoint = "http://a.example/";
        target.spec.concurrency = 2;
        target.spec.pace.batch = batch;
        target.spec.pace.batch_linger_ms = linger_ms;
        follow();
    }

    void follow() { scheduler.set_target(target, now_us); }

    void arrive(model::Sequence first,
                model::Sequence last,
                std::size_t bytes = 10,
                std::uint32_t attempt = 1) {
        scheduler.take(deliveries_of(lake, first, last, attempt, bytes), now_us);
    }

    // The requests that begin now, each with its messages.
    std::vector<Sequences> start() {
        std::vector<Sequences> requests;
        while (const Flight* flight = scheduler.start_next(now_us, 0)) {
            tickets.push_back(flight->ticket);
            requests.emplace_back();
            for (const api::Delivery* one : flight->batch()) {
                requests.back().push_back(one->sequence);
            }
        }
        return requests;
    }

    // What is told to the broker: items and the attempts that they were.
    std::pair<Sequences, Sequences> told() {
        std::pair<Sequences, Sequences> all;
        for (const DueSettlement& due : scheduler.settlements(now_us)) {
            for (const auto& item : due.settlement.items) {
                if (item.verdict == Verdict::accepted) all.first.push_back(item.sequence);
            }
            for (const auto& attempt : due.settlement.attempts) {
                all.second.push_back(attempt.sequence);
            }
        }
        return all;
    }

    std::int64_t now_us = 1'000 * ms;
    api::Target target;
    Scheduler scheduler{expecting_small()};
    std::vector<std::uint64_t> tickets;
};

sinks::AttemptResult failed(Failure failure, std::uint16_t status = 0) {
    sinks::AttemptResult result;
    result.verdict = Verdict::retry;
    result.failure = failure;
    result.status = status;
    return result;
}

TEST(Batches, WhatWaitsGoesInRequestsOfTheCount) {
    Batching one(3);
    one.arrive(1, 8);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{1, 2, 3}, {4, 5, 6}}));
    EXPECT_EQ(one.scheduler.in_flight(), 2U);  // requests: the concurrency is 2
    one.scheduler.finish_batch(one.tickets[0], std::vector<sinks::AttemptResult>(3), one.now_us);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{7, 8}}));
}

TEST(Batches, TheWindowIsAsManyMessagesAsTheRequestsMayHold) {
    Batching one(50);
    const auto grants = one.scheduler.grants();
    ASSERT_EQ(grants.size(), 1U);
    EXPECT_EQ(grants[0].more, 102U);  // two requests of 50, and the concurrency ahead
    one.arrive(1, 100);
    EXPECT_EQ(one.start().size(), 2U);
    // Those under way count still.
    EXPECT_TRUE(one.scheduler.grants().empty());
}

TEST(Batches, AnEndpointThatHasToAgreeIsAskedWithOneMessage) {
    Batching one(3);
    one.target.spec.pace.handshake = model::Handshake::cloudevents;
    one.follow();
    one.arrive(1, 6);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{1}}));
    sinks::AttemptResult refused = failed(Failure::handshake);
    refused.verdict = Verdict::not_attempted;
    refused.retry_after_ms = 1'000;
    one.scheduler.finish_batch(one.tickets.back(), {refused}, one.now_us);
    EXPECT_TRUE(one.start().empty());
    one.now_us += 1'000 * ms;
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{2}})) << "the others are untouched";
    sinks::AttemptResult agreed;
    agreed.consent.emplace();
    one.scheduler.finish_batch(one.tickets.back(), {agreed}, one.now_us);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{3, 4, 5}, {6}}));
}

TEST(Batches, ItWaitsForOthersUntilItHasLingered) {
    Batching one(3, 100);
    one.arrive(1, 1);
    EXPECT_TRUE(one.start().empty());
    EXPECT_EQ(one.scheduler.wake_us(), one.now_us + 100 * ms);
    one.now_us += 60 * ms;
    one.arrive(2, 2);
    EXPECT_TRUE(one.start().empty());
    one.now_us += 40 * ms;
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{1, 2}}));
    // The next ones linger from their own arrival.
    one.arrive(3, 3);
    EXPECT_TRUE(one.start().empty());
    EXPECT_EQ(one.scheduler.wake_us(), one.now_us + 100 * ms);
}

TEST(Batches, AFullOneGoesAtOnce) {
    Batching one(3, 100);
    one.arrive(1, 2);
    EXPECT_TRUE(one.start().empty());
    one.arrive(3, 4);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{1, 2, 3}}));
    one.now_us += 100 * ms;
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{4}}));
}

TEST(Batches, BytesFillItToo) {
    Batching one(100, 100);
    one.target.spec.pace.batch_bytes = 2'000;
    one.follow();
    one.arrive(1, 1, 900);
    EXPECT_TRUE(one.start().empty());
    one.arrive(2, 3, 900);
    // The third would be too much.
    ASSERT_EQ(one.start(), (std::vector<Sequences>{{1, 2}}));
    // What is larger than a batch may be goes alone.
    one.arrive(4, 4, 5'000);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{3}}));
    one.scheduler.finish_batch(one.tickets[0], std::vector<sinks::AttemptResult>(2), one.now_us);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{4}}));
}

TEST(Batches, EachMessageEndsByItself) {
    Batching one(3);
    one.arrive(1, 3);
    one.start();
    std::vector<sinks::AttemptResult> results(3);
    results[1] = failed(Failure::handler);
    one.scheduler.finish_batch(one.tickets[0], std::move(results), one.now_us);
    EXPECT_EQ(one.told(), (std::pair<Sequences, Sequences>{{1, 3}, {1, 2, 3}}));
}

TEST(Batches, WhatWasNotTriedIsNoAttempt) {
    Batching one(2);
    one.arrive(1, 2);
    one.start();
    std::vector<sinks::AttemptResult> results(2);
    for (auto& result : results) result.verdict = Verdict::not_attempted;
    one.scheduler.finish_batch(one.tickets[0], std::move(results), one.now_us);
    EXPECT_EQ(one.told(), (std::pair<Sequences, Sequences>{{}, {}}));
}

TEST(Batches, ARateIsOfRequests) {
    Batching one(4);
    one.target.spec.pace.rate_per_s = 1;
    one.follow();
    one.arrive(1, 8);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{1, 2, 3, 4}}));
    one.now_us += 1'000 * ms;
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{5, 6, 7, 8}}));
}

TEST(Batches, ARequestIsOneSampleOfItsEndpointAndAProbeIsOneMessage) {
    Batching one(4);
    one.target.spec.pace.breaker = true;
    one.follow();
    // Five requests that are refused open it, not five messages.
    for (int request = 0; request < 5; ++request) {
        one.arrive(1 + 4 * request, 4 + 4 * request);
        ASSERT_EQ(one.start().size(), 1U) << request;
        one.scheduler.finish_batch(one.tickets.back(),
                                   std::vector<sinks::AttemptResult>(4, failed(Failure::refused)),
                                   one.now_us);
    }
    one.arrive(30, 37);
    EXPECT_TRUE(one.start().empty());
    one.now_us += 2'000 * ms;
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{30}}));
    one.scheduler.finish_batch(
        one.tickets.back(), std::vector<sinks::AttemptResult>(1), one.now_us);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{31, 32, 33, 34}}));
}

TEST(Batches, OneMessageThatWentWellSpeaksForTheEndpoint) {
    Batching one(2);
    one.target.spec.pace.breaker = true;
    one.follow();
    for (int request = 0; request < 40; ++request) {
        one.arrive(1 + 2 * request, 2 + 2 * request);
        ASSERT_EQ(one.start().size(), 1U) << request;
        std::vector<sinks::AttemptResult> results(2);
        results[0] = failed(Failure::status, 503);
        results[0].of_item = true;
        one.scheduler.finish_batch(one.tickets.back(), std::move(results), one.now_us);
    }
}

TEST(Batches, RetriesThatHadTheirShareAreLeftOut) {
    Batching one(4);
    one.target.spec.concurrency = 1'000;
    one.target.spec.pace.retry_share_percent = 20;
    one.follow();
    // Uses up what retries may have.
    one.arrive(1, 400, 10, 2);
    const std::size_t retried = one.start().size();
    EXPECT_EQ(retried, 100U);
    for (const std::uint64_t ticket : one.tickets) {
        one.scheduler.finish_batch(ticket, std::vector<sinks::AttemptResult>(4), one.now_us);
    }
    one.arrive(401, 402);
    one.arrive(403, 403, 10, 2);
    one.arrive(404, 404);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{401, 402, 404}}));
}

TEST(Batches, AStatusOfOneMessageDisablesNothing) {
    model::SubscriptionSpec spec;
    spec.pace.heeds_answers = true;
    sinks::AttemptResult gone = failed(Failure::status, 410);
    gone.of_item = true;
    heed(spec, gone);
    EXPECT_EQ(gone.disable, "");
    EXPECT_EQ(gone.verdict, Verdict::retry);
    spec.pace.client_errors_die = true;
    heed(spec, gone);
    EXPECT_EQ(gone.verdict, Verdict::rejected);
}

TEST(Batches, AChangeOfTheTargetHandsBackNothingThatIsUnderWay) {
    Batching one(2);
    one.arrive(1, 2);
    one.start();
    one.target.spec.pace.batch = 1;
    one.follow();
    one.scheduler.finish_batch(one.tickets[0], std::vector<sinks::AttemptResult>(2), one.now_us);
    EXPECT_EQ(one.told().first, (Sequences{1, 2}));
    one.arrive(3, 4);
    EXPECT_EQ(one.start(), (std::vector<Sequences>{{3}, {4}}));
}

}  // namespace
}  // namespace penstock::dispatcher
