#include "broker/api/quotas.h"

#include "tests/api/quota_fixture.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::api {
namespace {

using model::Reason;

TEST_F(Limited, AQueueTakesItsMessagesASecondAndNoMore) {
    book.limits("acme").object_requests_per_second = 100;
    EXPECT_EQ(admitted(1'000, send("acme:orders")), 100) << "a second's worth at once";
    clock.advance_ms(100);
    EXPECT_EQ(admitted(1'000, send("acme:orders")), 10);
    int in_a_second = 0;
    for (int tenth = 0; tenth < 10; ++tenth) {
        clock.advance_ms(100);
        in_a_second += admitted(100, send("acme:orders"));
    }
    EXPECT_EQ(in_a_second, 100) << "asked ten times as often as it may";
}

TEST_F(Limited, TellsHowItsRatesStandWithoutTakingOfThem) {
    AccountLimits& limits = book.limits("acme");
    limits.object_requests_per_second = 100;
    limits.requests_per_second = 10;
    const Charge sending{Use::produce, false, "acme:Orders", 1, 0, "acme"};
    const auto left = [&](std::size_t at) {
        return quotas.standings("acme", sending).at(at).left;
    };
    EXPECT_EQ(quotas.standings("acme", sending).size(), 2U);
    EXPECT_EQ(left(0), 10U) << "requests";
    EXPECT_EQ(left(1), 100U) << "messages";
    EXPECT_EQ(admitted(4, send("acme:orders", 10), "acme"), 4);
    for (int times = 0; times < 2; ++times) {
        EXPECT_EQ(left(0), 6U);
        EXPECT_EQ(left(1), 60U);
    }
    EXPECT_EQ(quotas.standings("acme", sending).at(1).full_after_s, 1U);
    EXPECT_EQ(quotas.standings("acme", {}).size(), 1U) << "what is no message's is a request";
    EXPECT_EQ(quotas.standings({}, sending).size(), 1U) << "the server's own account has no limits";
    clock.advance_ms(100);
    EXPECT_EQ(left(0), 7U);
    EXPECT_EQ(left(1), 70U);
    limits.object_requests_per_second = 200;
    EXPECT_EQ(left(1), 200U) << "a limit that has changed begins anew";
    EXPECT_TRUE(quotas.standings({}, {}).empty());
    EXPECT_TRUE(quotas.standings("gone", {Use::produce, false, "gone:q", 1, 0, "gone"}).empty());
}

TEST_F(Limited, TheRefusalSaysWhoseQuotaItIs) {
    book.limits("acme").object_requests_per_second = 1;
    EXPECT_EQ(refusal(send("acme:orders")), std::nullopt);
    const auto why = refusal(send("acme:orders"));
    ASSERT_TRUE(why.has_value());
    EXPECT_EQ(why->reason, Reason::throttled);
    EXPECT_EQ(why->subject, "acme:orders");
    EXPECT_EQ(why->detail, "more than the quota of 1 messages a second");
}

TEST_F(Limited, EveryObjectHasItsOwnRateAndSoHaveProducersAndConsumers) {
    book.limits("acme").object_requests_per_second = 10;
    EXPECT_EQ(admitted(100, send("acme:orders")), 10);
    EXPECT_EQ(admitted(100, send("acme:jobs")), 10);
    EXPECT_EQ(admitted(100, publish("acme:orders")), 10) << "a topic of the same name";
    EXPECT_EQ(admitted(100, receive("acme:orders")), 11) << "1.1 times";
    EXPECT_EQ(admitted(100, remove("acme:orders", 1)), 22) << "twice what may be received";
}

TEST_F(Limited, AQueueIsOneHoweverItsNameIsWritten) {
    book.limits("acme").object_requests_per_second = 10;
    EXPECT_EQ(admitted(10, send("acme:orders")), 10);
    EXPECT_EQ(admitted(10, send("acme:Orders")), 0);
    EXPECT_EQ(admitted(10, publish("acme:orders")), 10);
    EXPECT_EQ(admitted(10, publish("acme:Orders")), 10) << "topics are told apart";
}

TEST_F(Limited, ABatchCountsAsItsMessages) {
    book.limits("acme").object_requests_per_second = 160;
    EXPECT_EQ(admitted(100, send("acme:orders", 16)), 10);
    clock.advance_ms(100);
    EXPECT_EQ(admitted(100, send("acme:orders", 16)), 1);
    EXPECT_EQ(admitted(100, remove("acme:orders", 16)), 22);
    EXPECT_EQ(admitted(1, send("acme:jobs", 16)), 1);
}

TEST_F(Limited, ABatchAboveTheRateGoesThroughAndIsPaidFor) {
    book.limits("acme").object_requests_per_second = 4;
    EXPECT_EQ(admitted(5, send("acme:orders", 16)), 1);
    clock.advance_ms(3'000);
    EXPECT_EQ(admitted(5, send("acme:orders", 16)), 0) << "a debt of twelve";
    clock.advance_ms(300);
    EXPECT_EQ(admitted(5, send("acme:orders", 16)), 1);
}

TEST_F(Limited, AReceiveCountsWhatItBrought) {
    book.limits("acme").object_requests_per_second = 100;
    const Request request = receive("acme:orders", 16);
    EXPECT_EQ(refusal(request), std::nullopt);
    answer(request, 16);
    EXPECT_EQ(admitted(200, request), 110 - 16);
    EXPECT_EQ(admitted(1, send("acme:orders")), 1) << "producers have their own";
}

TEST_F(Limited, AccountsDoNotTakeFromEachOther) {
    book.limits("acme").object_requests_per_second = 10;
    book.limits("other").object_requests_per_second = 10;
    EXPECT_EQ(admitted(100, send("acme:orders")), 10);
    EXPECT_EQ(admitted(100, send("other:orders")), 10);
}

TEST_F(Limited, WhoHasNoLimitIsNotCounted) {
    book.limits("acme") = no_limits;
    EXPECT_EQ(admitted(10'000, send("acme:orders", 16)), 10'000);
    EXPECT_EQ(admitted(10'000, send("orders", 16)), 10'000) << "the server's own account";
    EXPECT_EQ(admitted(100, send("nobody:orders")), 100) << "no such account: the node will say";
    model::Metrics metrics;
    quotas.measure(metrics);
    EXPECT_TRUE(metrics.families().empty());
}

TEST_F(Limited, TheServersOwnAccountMayHaveLimits) {
    AccountLimits own = no_limits;
    own.object_requests_per_second = 10;
    Quotas limited(book, clock, own);
    int through = 0;
    for (int at = 0; at < 20; ++at) through += limited.admit({}, send("orders")) ? 0 : 1;
    EXPECT_EQ(through, 10);
}

TEST_F(Limited, AnAccountsRequestsAreCountedTogether) {
    AccountLimits& limits = book.limits("acme");
    limits.requests_per_second = 10;
    limits.object_requests_per_second = 0;
    EXPECT_EQ(admitted(5, send("acme:a", 16), "acme"), 5) << "requests, not messages";
    EXPECT_EQ(admitted(5, Request{ListQueues{}}, "acme"), 5);
    EXPECT_EQ(refusal(send("acme:b"), "acme")->reason, Reason::throttled);
    EXPECT_EQ(refusal(Request{ListQueues{}}, "acme")->reason, Reason::control_throttled);
    EXPECT_EQ(admitted(5, send("acme:a")), 5) << "a root key's are not the account's";
    clock.advance_ms(200);
    EXPECT_EQ(admitted(5, send("acme:a"), "acme"), 2);
}

TEST_F(Limited, AnAccountsRequestsAreCountedEvenWithoutALimit) {
    book.limits("acme") = no_limits;
    EXPECT_EQ(quotas.requests_of("acme").total, 0U);
    EXPECT_EQ(admitted(20, send("acme:a"), "acme"), 20);
    EXPECT_EQ(admitted(10, Request{ListQueues{}}, "acme"), 10);
    EXPECT_EQ(admitted(10, send("acme:a")), 10) << "a root key's are not the account's";
    EXPECT_EQ(quotas.requests_of("acme").total, 30U);
    EXPECT_EQ(quotas.requests_of("").total, 0U);
    book.limits("acme").requests_per_second = 1;
    EXPECT_EQ(admitted(5, send("acme:a"), "acme"), 1);
    EXPECT_EQ(quotas.requests_of("acme").total, 35U) << "refused ones too";
}

TEST(RequestMeter, TellsTheRateOfTheLastSeconds) {
    constexpr std::int64_t s = 1'000'000;
    RequestMeter meter;
    EXPECT_EQ(meter.requests(7 * s).per_second, 0);
    for (int at = 0; at < 100; ++at) meter.count(1'000 * s + at * s / 10);
    EXPECT_NEAR(meter.requests(1'010 * s).per_second, 10, 0.01);
    EXPECT_NEAR(meter.requests(1'015 * s).per_second, 5, 0.01) << "half of it is 10 s ago";
    EXPECT_EQ(meter.requests(1'020 * s).per_second, 0);
    meter.count(1'015 * s);
    EXPECT_NEAR(meter.requests(1'015 * s).per_second, 5.1, 0.01);
    meter.count(2'000 * s);
    EXPECT_NEAR(meter.requests(2'000 * s).per_second, 0.1, 0.01) << "a pause is forgotten";
    EXPECT_EQ(meter.requests(2'000 * s).total, 102U);
}

TEST_F(Limited, AnAccountsBytesAreThoseSentAndReceived) {
    AccountLimits& limits = book.limits("acme");
    limits.object_requests_per_second = 0;
    limits.bytes_per_second = 1'000;
    EXPECT_EQ(admitted(5, send("acme:a", 1, 600)), 2) << "the second goes beyond, and is paid for";
    EXPECT_EQ(refusal(receive("acme:a"))->reason, Reason::throttled);
    EXPECT_EQ(admitted(3, remove("acme:a", 1)), 3) << "what carries no body goes on";
    clock.advance_ms(1'000);
    const Request request = receive("acme:a");
    EXPECT_EQ(refusal(request), std::nullopt);
    answer(request, 1, 900);
    EXPECT_EQ(refusal(send("acme:a", 1, 1))->reason, Reason::throttled);
    clock.advance_ms(200);
    EXPECT_EQ(refusal(send("acme:a", 1, 1)), std::nullopt);
}

TEST_F(Limited, WhatIsRefusedTakesNothing) {
    AccountLimits& limits = book.limits("acme");
    limits.object_requests_per_second = 1;
    limits.bytes_per_second = 1'000;
    EXPECT_EQ(admitted(100, send("acme:a", 1, 500)), 1);
    EXPECT_EQ(admitted(1, send("acme:b", 1, 400)), 1) << "99 refused sends had no bytes";
}

TEST_F(Limited, AChangedLimitHoldsAtOnce) {
    book.limits("acme").object_requests_per_second = 10;
    EXPECT_EQ(admitted(100, send("acme:a")), 10);
    book.limits("acme").object_requests_per_second = 50;
    EXPECT_EQ(admitted(100, send("acme:a")), 50);
    book.limits("acme").object_requests_per_second = 0;
    EXPECT_EQ(admitted(100, send("acme:a")), 100);
}

TEST_F(Limited, WhatOtherNodesForwardCountsWithWhatCameInHere) {
    book.limits("acme").object_requests_per_second = 10;
    book.limits("acme").requests_per_second = 1;
    EXPECT_EQ(admitted(6, send("acme:a")), 6);
    int through = 0;
    for (int at = 0; at < 10; ++at) through += quotas.admit_forwarded(send("acme:a")) ? 0 : 1;
    EXPECT_EQ(through, 4);
    EXPECT_EQ(quotas.admit_forwarded(Request{ListQueues{}}), std::nullopt)
        << "the account's requests are counted where they come in";
}

TEST_F(Limited, NamesThatAreMadeUpDoNotFillTheMemory) {
    book.limits("acme").object_requests_per_second = 1'000'000;
    book.limits("acme").requests_per_second = 0;
    for (std::size_t at = 0; at < Quotas::objects_max + 1'000; ++at) {
        ASSERT_EQ(refusal(send("acme:made-up-" + std::to_string(at))), std::nullopt);
        clock.advance_us(2);
    }
    book.limits("acme").object_requests_per_second = 1;
    EXPECT_EQ(admitted(2, send("acme:a")), 1);
}

TEST_F(Limited, FiguresTellWhoWasRefusedAndWhy) {
    book.limits("acme").object_requests_per_second = 1;
    EXPECT_EQ(admitted(5, send("acme:a")), 1);
    quotas.refused("acme", Quota::objects, "acme:b");
    model::Metrics metrics;
    quotas.measure(metrics);
    const auto told = [&](const std::string& account, const std::string& quota) {
        return metrics.value("penstock_quota_refused", {{"account", account}, {"quota", quota}});
    };
    EXPECT_EQ(told("acme", "messages"), 4);
    EXPECT_EQ(told("acme", "objects"), 1);
    EXPECT_EQ(told("acme", "bytes"), 0);
}

TEST_F(Limited, FiguresAreBounded) {
    for (std::size_t at = 0; at < model::labelled_objects_max + 20; ++at) {
        const std::string account = "a" + std::to_string(1'000 + at);
        book.limits(account).object_requests_per_second = 1;
        EXPECT_EQ(admitted(2, send(account + ":q")), 1);
    }
    model::Metrics metrics;
    quotas.measure(metrics);
    ASSERT_EQ(metrics.families().size(), 1U);
    EXPECT_EQ(metrics.families()[0].samples.size(), model::labelled_objects_max + 1);
    EXPECT_EQ(metrics.value("penstock_quota_refused", {{"account", "*"}, {"quota", "messages"}}),
              20);
}

}  // namespace
}  // namespace penstock::api
