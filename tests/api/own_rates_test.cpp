// Rates that queues and topics have of their own, and how they stand beside an account's.
#include "broker/api/own_rates.h"

#include "tests/api/quota_fixture.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::api {
namespace {

constexpr model::SetId first{1};
constexpr model::SetId second{2};

TEST(OwnRates, AreKnownByTheNameOfTheirObject) {
    OwnRates rates;
    EXPECT_EQ(rates.of(false, "orders"), 0U);
    rates.set(first, false, "acme:Orders", 7);
    EXPECT_EQ(rates.of(false, "acme:oRDERS"), 7U) << "a queue is one however it is written";
    EXPECT_EQ(rates.of(false, "orders"), 0U) << "another account's";
    EXPECT_EQ(rates.of(true, "acme:Orders"), 0U) << "a topic of the same name";
    rates.set(first, true, "acme:Orders", 9);
    EXPECT_EQ(rates.of(true, "acme:Orders"), 9U);
    EXPECT_EQ(rates.of(true, "acme:orders"), 0U) << "topics are told apart";
    rates.set(first, false, "acme:orders", 8);
    EXPECT_EQ(rates.of(false, "acme:Orders"), 8U);
    rates.set(first, false, "acme:orders", 0);
    EXPECT_EQ(rates.of(false, "acme:Orders"), 0U);
    EXPECT_EQ(rates.of(true, "acme:Orders"), 9U);
}

TEST(OwnRates, OfASetThatAnotherNodeLeadsAreForgotten) {
    OwnRates rates;
    for (int at = 0; at < 100; ++at) {
        rates.set(at % 2 == 0 ? first : second, false, "q" + std::to_string(at), 5);
    }
    rates.forget(first);
    for (int at = 0; at < 100; ++at) {
        EXPECT_EQ(rates.of(false, "q" + std::to_string(at)), at % 2 == 0 ? 0U : 5U) << at;
    }
    rates.forget(second);
    EXPECT_EQ(rates.of(false, "q1"), 0U);
    rates.set(first, false, "q1", 3);
    EXPECT_EQ(rates.of(false, "q1"), 3U);
}

TEST(OwnRates, OfAnObjectThatIsGoneDoNotTakeThoseOfALaterOneOfItsNameAlong) {
    OwnRates rates;
    rates.set(first, false, "orders", 5);
    rates.set(second, false, "Orders", 7);
    rates.set(first, false, "orders", 0);
    EXPECT_EQ(rates.of(false, "orders"), 7U);
    rates.forget(first);
    EXPECT_EQ(rates.of(false, "orders"), 7U);
    rates.set(second, false, "orders", 0);
    EXPECT_EQ(rates.of(false, "orders"), 0U);
}

class OwnRate : public Limited {
  protected:
    int through(int asked, const Request& request) {
        int let = 0;
        for (int at = 0; at < asked; ++at) let += rated.admit({}, request) ? 0 : 1;
        return let;
    }

    OwnRates rates;
    Quotas rated{book, clock, no_limits, &rates};
};

TEST_F(OwnRate, HoldsWhereTheAccountHasNoLimit) {
    rates.set(first, false, "orders", 10);
    EXPECT_EQ(through(100, send("Orders")), 10);
    EXPECT_EQ(through(100, receive("orders")), 11) << "1.1 times";
    EXPECT_EQ(through(100, remove("orders", 1)), 22);
    EXPECT_EQ(through(100, send("jobs")), 100) << "another queue has none";
    EXPECT_EQ(through(100, publish("orders")), 100) << "a topic of the same name has none";
    clock.advance_ms(500);
    EXPECT_EQ(through(100, send("orders")), 5);
    const auto why = rated.admit({}, send("orders"));
    ASSERT_TRUE(why.has_value());
    EXPECT_EQ(why->reason, model::Reason::throttled);
    EXPECT_EQ(why->detail, "more than the quota of 10 messages a second");
}

TEST_F(OwnRate, OfATopicIsItsOwn) {
    rates.set(first, true, "news", 3);
    EXPECT_EQ(through(100, publish("news")), 3);
    EXPECT_EQ(through(100, send("news")), 100);
}

TEST_F(OwnRate, TheLowerOfTwoHolds) {
    book.limits("acme").object_requests_per_second = 50;
    rates.set(first, false, "acme:slow", 10);
    rates.set(first, false, "acme:fast", 1'000);
    EXPECT_EQ(through(200, send("acme:slow")), 10);
    EXPECT_EQ(through(200, send("acme:fast")), 50) << "an account goes no further than it may";
}

TEST_F(OwnRate, AChangeHoldsAtOnce) {
    rates.set(first, false, "orders", 10);
    EXPECT_EQ(through(100, send("orders")), 10);
    rates.set(first, false, "orders", 20);
    EXPECT_EQ(through(100, send("orders")), 20);
    rates.set(first, false, "orders", 0);
    EXPECT_EQ(through(100, send("orders")), 100);
}

TEST_F(OwnRate, CountsWhatAReceiveBroughtAndWhatIsForwarded) {
    rates.set(first, false, "orders", 20);
    const Request request = receive("orders", 16);
    EXPECT_EQ(rated.admit({}, request), std::nullopt);
    ReceivedMessages came;
    came.messages.resize(16);
    rated.counting(request, [](const std::any&) {})(Outcome<ReceivedMessages>(came));
    EXPECT_EQ(through(100, request), 22 - 16);
    int forwarded = 0;
    for (int at = 0; at < 50; ++at) forwarded += rated.admit_forwarded(send("orders")) ? 0 : 1;
    EXPECT_EQ(forwarded, 20);
}

TEST_F(OwnRate, IsToldAmongTheStandings) {
    rates.set(first, false, "orders", 10);
    const Charge sending{Use::produce, false, "orders"};
    ASSERT_EQ(rated.standings({}, sending).size(), 1U);
    EXPECT_EQ(rated.standings({}, sending).at(0).left, 10U);
    EXPECT_EQ(through(4, send("orders")), 4);
    EXPECT_EQ(rated.standings({}, sending).at(0).most, 10U);
    EXPECT_EQ(rated.standings({}, sending).at(0).left, 6U);
}

}  // namespace
}  // namespace penstock::api
