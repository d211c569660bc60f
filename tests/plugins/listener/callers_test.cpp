#include "plugins/listener/callers.h"

#include "tests/plugins/listener/fixture.h"
#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::plugins {
namespace {

using Limit = Callers::Limit;
using testing::ManualClock;

constexpr bool plain = false;
constexpr bool with_tls = true;

// Far away, but for the one under test.
CallerLimits generous() {
    CallerLimits limits;
    limits.connections_max = 1'000'000;
    limits.handshakes_max = 1'000'000;
    limits.handshakes_per_second = 1'000'000;
    limits.slow_per_minute = 1'000'000;
    return limits;
}

asio::ip::address at(const std::string& text) {
    return asio::ip::make_address(text);
}

double refused(const Callers& callers, const std::string& limit) {
    model::Metrics metrics;
    callers.measure(metrics);
    return metrics.value("penstock_listener_callers_refused",
                         {{"listener", "http"}, {"limit", limit}});
}

double remembered(const Callers& callers) {
    model::Metrics metrics;
    callers.measure(metrics);
    return metrics.value("penstock_listener_callers", {{"listener", "http"}});
}

class CallersTest : public ::testing::Test {
  protected:
    Callers& with(const CallerLimits& limits) {
        made = std::make_unique<Callers>(limits, clock);
        made->call_it("http");
        return *made;
    }

    ManualClock clock;
    std::unique_ptr<Callers> made;
};

TEST_F(CallersTest, AnAddressHasOnlySoManyConnectionsAndOthersHaveTheirs) {
    CallerLimits limits = generous();
    limits.connections_max = 2;
    Callers& callers = with(limits);
    auto first = callers.enter(at("192.0.2.1"), plain);
    EXPECT_EQ(first.exceeded, Limit::none);
    EXPECT_EQ(callers.enter(at("192.0.2.1"), plain).exceeded, Limit::none);
    EXPECT_EQ(callers.enter(at("192.0.2.1"), plain).exceeded, Limit::connections);
    EXPECT_EQ(callers.enter(at("192.0.2.2"), plain).exceeded, Limit::none);
    EXPECT_EQ(refused(callers, "connections"), 1);
    callers.left(first.visit);
    callers.left(first.visit);
    EXPECT_EQ(callers.enter(at("192.0.2.1"), plain).exceeded, Limit::none) << "one has left";
    EXPECT_EQ(callers.enter(at("192.0.2.1"), plain).exceeded, Limit::connections) << "once only";
}

TEST_F(CallersTest, A64OfIpv6IsOneCallerAndMappedAddressesAreThoseOfIpv4) {
    CallerLimits limits = generous();
    limits.connections_max = 1;
    Callers& callers = with(limits);
    EXPECT_EQ(callers.enter(at("2001:db8::1"), plain).exceeded, Limit::none);
    EXPECT_EQ(callers.enter(at("2001:db8::ffff:1"), plain).exceeded, Limit::connections);
    EXPECT_EQ(callers.enter(at("2001:db8:0:1::1"), plain).exceeded, Limit::none);
    EXPECT_EQ(callers.enter(at("192.0.2.1"), plain).exceeded, Limit::none);
    EXPECT_EQ(callers.enter(at("::ffff:192.0.2.1"), plain).exceeded, Limit::connections);
    EXPECT_EQ(callers.enter(at("192.0.2.2"), plain).exceeded, Limit::none);
}

TEST_F(CallersTest, HandshakesUnderWayAreCountedUntilTheyAreOver) {
    CallerLimits limits = generous();
    limits.handshakes_max = 1;
    Callers& callers = with(limits);
    auto first = callers.enter(at("192.0.2.1"), with_tls);
    EXPECT_EQ(callers.enter(at("192.0.2.1"), with_tls).exceeded, Limit::handshakes);
    callers.greeted(first.visit);
    auto second = callers.enter(at("192.0.2.1"), with_tls);
    EXPECT_EQ(second.exceeded, Limit::none);
    callers.left(second.visit);
    callers.left(first.visit);
    EXPECT_EQ(callers.enter(at("192.0.2.1"), with_tls).exceeded, Limit::none);
    EXPECT_EQ(refused(callers, "handshakes"), 1);
}

TEST_F(CallersTest, HandshakesBeginOnlySoManyASecond) {
    CallerLimits limits = generous();
    limits.handshakes_per_second = 10;
    Callers& callers = with(limits);
    const auto begun = [&] {
        int count = 0;
        for (int at_once = 0; at_once < 20; ++at_once) {
            auto admitted = callers.enter(at("192.0.2.1"), with_tls);
            if (admitted.exceeded != Limit::none) continue;
            ++count;
            callers.left(admitted.visit);
        }
        return count;
    };
    EXPECT_EQ(begun(), 10);
    clock.advance_ms(500);
    EXPECT_EQ(begun(), 5);
    EXPECT_EQ(refused(callers, "handshake_rate"), 25);
}

TEST_F(CallersTest, WhoIsSlowTooOftenIsNotLetInForAWhile) {
    CallerLimits limits = generous();
    limits.slow_per_minute = 6;
    Callers& callers = with(limits);
    std::vector<Callers::Visit> open;
    for (int count = 0; count < 50; ++count) {
        open.push_back(callers.enter(at("192.0.2.1"), plain).visit);
    }
    for (Callers::Visit& visit : open) {
        callers.slow(visit);
        callers.left(visit);
    }
    EXPECT_EQ(callers.enter(at("192.0.2.1"), plain).exceeded, Limit::slow);
    EXPECT_EQ(callers.enter(at("192.0.2.2"), plain).exceeded, Limit::none);
    clock.advance_ms(9'999);
    EXPECT_EQ(callers.enter(at("192.0.2.1"), plain).exceeded, Limit::slow);
    clock.advance_ms(1);
    EXPECT_EQ(callers.enter(at("192.0.2.1"), plain).exceeded, Limit::none)
        << "what was slow before is no debt";
}

TEST_F(CallersTest, ALimitOfZeroIsNone) {
    CallerLimits limits;
    limits.connections_max = limits.handshakes_max = 0;
    limits.handshakes_per_second = limits.slow_per_minute = 0;
    Callers& callers = with(limits);
    for (int count = 0; count < 2'000; ++count) {
        const auto admitted = callers.enter(at("192.0.2.1"), with_tls);
        ASSERT_EQ(admitted.exceeded, Limit::none);
        callers.slow(admitted.visit);
    }
}

TEST_F(CallersTest, ExemptAddressesAreNotCounted) {
    CallerLimits limits;
    limits.connections_max = 1;
    limits.exempt = *Networks::parse("127.0.0.0/8, 2001:db8::/64");
    Callers& callers = with(limits);
    for (int count = 0; count < 10; ++count) {
        auto admitted = callers.enter(at("127.0.0.9"), with_tls);
        EXPECT_EQ(admitted.exceeded, Limit::none);
        callers.slow(admitted.visit);
        callers.left(admitted.visit);
        EXPECT_EQ(callers.enter(at("2001:db8::7"), plain).exceeded, Limit::none);
    }
    EXPECT_EQ(remembered(callers), 0);
}

TEST_F(CallersTest, WhoIsGoneIsForgottenAndAFloodFromEverywhereDoesNotGrowTheBook) {
    Callers& callers = with(CallerLimits());
    auto one = callers.enter(at("192.0.2.1"), plain);
    EXPECT_EQ(remembered(callers), 1);
    callers.left(one.visit);
    EXPECT_EQ(remembered(callers), 0);
    auto stays = callers.enter(at("192.0.2.1"), plain);
    for (std::uint32_t count = 0; count < 2 * Callers::remembered_max; ++count) {
        const asio::ip::address address = asio::ip::address_v4(0x0a00'0000U + count);
        auto admitted = callers.enter(address, with_tls);
        ASSERT_EQ(admitted.exceeded, Limit::none);
        callers.left(admitted.visit);
    }
    EXPECT_LE(remembered(callers), Callers::remembered_max);
    callers.left(stays.visit);
}

// Over sockets.

TEST_F(Listening, OneConnectionTooManyOfAnAddressIsRefusedBeforeItSaysAnything) {
    HttpServerOptions options;
    options.limits.caller.connections_max = 1;
    start(options);
    auto first = connect();
    first.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(status_of(first.read_until("]")), "HTTP/1.1 200 OK");
    EXPECT_EQ(status_of(connect().read_all()), "HTTP/1.1 503 Service Unavailable");
    first.close();
    EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
    EXPECT_EQ(status_of(exchange("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")),
              "HTTP/1.1 200 OK");
    model::Metrics metrics;
    server->measure(metrics);
    EXPECT_EQ(metrics.value("penstock_listener_callers_refused",
                            {{"listener", "http"}, {"limit", "connections"}}),
              1);
}

TEST_F(Listening, AnAddressWhoseRequestsNeverEndIsNotHeardForAWhile) {
    HttpServerOptions options;
    options.limits.head_timeout = std::chrono::milliseconds(50);
    options.limits.caller.slow_per_minute = 1;
    start(options);
    EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nHo")), "HTTP/1.1 408 Request Timeout");
    EXPECT_EQ(status_of(connect().read_all()), "HTTP/1.1 503 Service Unavailable");
}

}  // namespace
}  // namespace penstock::plugins
