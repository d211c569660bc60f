#include "sinks/client/resolver.h"

#include "tests/support/run_until.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace penstock::sinks::client {
namespace {

class ResolverTest : public ::testing::Test {
  protected:
    Resolved ask(PoolResolver& resolver, const std::string& host) {
        std::optional<Resolved> answer;
        resolver.resolve(host, [&answer](Resolved resolved) { answer = std::move(resolved); });
        EXPECT_FALSE(answer) << "answered inside the call";
        EXPECT_TRUE(testing::run_until(context_, [&answer]() { return answer.has_value(); }));
        return answer.value_or(Resolved{});
    }

    boost::asio::io_context context_{1};
    SystemClock clock_;
};

TEST_F(ResolverTest, AnAddressIsItsOwnAnswer) {
    PoolResolver resolver(context_.get_executor(), clock_);
    const Resolved resolved = ask(resolver, "2001:db8::7");
    EXPECT_EQ(resolved.ending, Resolved::Ending::found);
    ASSERT_EQ(resolved.addresses.size(), 1U);
    EXPECT_EQ(resolved.addresses[0].to_string(), "2001:db8::7");
}

TEST_F(ResolverTest, LocalhostIsLoopback) {
    PoolResolver resolver(context_.get_executor(), clock_);
    const Resolved resolved = ask(resolver, "localhost");
    EXPECT_EQ(resolved.ending, Resolved::Ending::found);
    ASSERT_GE(resolved.addresses.size(), 1U);
    for (const auto& address : resolved.addresses) EXPECT_TRUE(address.is_loopback());
}

TEST_F(ResolverTest, ANameThatCannotBeSaysSo) {
    PoolResolver resolver(context_.get_executor(), clock_);
    const Resolved resolved = ask(resolver, "no..such..name");
    EXPECT_EQ(resolved.ending, Resolved::Ending::not_found);
    EXPECT_TRUE(resolved.addresses.empty());
    EXPECT_FALSE(resolved.detail.empty());
}

TEST_F(ResolverTest, ManyAskersOfOneNameAllHear) {
    PoolResolver resolver(context_.get_executor(), clock_);
    int answers = 0;
    for (int asker = 0; asker < 20; ++asker) {
        resolver.resolve("localhost", [&answers](const Resolved& resolved) {
            answers += resolved.ending == Resolved::Ending::found ? 1 : 0;
        });
    }
    EXPECT_TRUE(testing::run_until(context_, [&answers]() { return answers == 20; }));
}

TEST_F(ResolverTest, MoreLookUpsThanTheLimitAreTurnedAway) {
    ResolverOptions options;
    options.lookups_max = 0;
    PoolResolver resolver(context_.get_executor(), clock_, options);
    EXPECT_EQ(ask(resolver, "localhost").ending, Resolved::Ending::exhausted);
}

TEST_F(ResolverTest, ADeadlineEndsTheWaiting) {
    ResolverOptions options;
    options.deadline_ms = 0;
    PoolResolver resolver(context_.get_executor(), clock_, options);
    const Resolved::Ending ending = ask(resolver, "no..such..name").ending;
    EXPECT_TRUE(ending == Resolved::Ending::timeout || ending == Resolved::Ending::not_found);
}

TEST_F(ResolverTest, ItMayGoWhileALookUpIsUnderWay) {
    bool answered = false;
    {
        PoolResolver resolver(context_.get_executor(), clock_);
        resolver.resolve("localhost", [&answered](const Resolved&) { answered = true; });
    }
    context_.restart();
    context_.run();
    EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace penstock::sinks::client
