#include "sinks/client/resolver.h"

#include "tests/support/manual_clock.h"
#include "tests/support/run_until.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <semaphore>
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

// Look-ups of "dead..." and "late..." last until they are let go, and all that while the test's
// clock may go on.
class SlowNamesTest : public ResolverTest {
  protected:
    ResolverOptions options() {
        ResolverOptions options;
        options.threads = 1;
        options.slow_threads = 1;
        options.slow_ms = 1'000;
        options.look_up = [this](const std::string& host) {
            Resolved resolved;
            if (host.starts_with("dead") || host.starts_with("late")) {
                begun_.release();
                let_go_.acquire();
            }
            if (host.starts_with("dead")) {
                resolved.detail = "nobody answers";
                return resolved;
            }
            resolved.ending = Resolved::Ending::found;
            resolved.addresses = {boost::asio::ip::make_address("127.0.0.1")};
            return resolved;
        };
        return options;
    }

    // Begins to look the name up; true once the look-up has a thread.
    bool begin(PoolResolver& resolver, const std::string& host) {
        resolver.resolve(host, [this](const Resolved&) { answered_ += 1; });
        return begun_.try_acquire_for(std::chrono::seconds(10));
    }

    bool end() {
        const int before = answered_;
        let_go_.release();
        return testing::run_until(context_, [&]() { return answered_ > before; });
    }

    // A first look-up of the name, which takes long.
    void become_slow(PoolResolver& resolver, const std::string& host) {
        ASSERT_TRUE(begin(resolver, host));
        time_.advance_ms(5'000);
        ASSERT_TRUE(end());
        time_.advance_ms(60'000);  // nothing of it is remembered but that it was slow
    }

    testing::ManualClock time_;
    std::counting_semaphore<8> begun_{0};
    std::counting_semaphore<8> let_go_{0};
    int answered_ = 0;
};

TEST_F(SlowNamesTest, KeepNoThreadFromOthers) {
    PoolResolver resolver(context_.get_executor(), time_, options());
    become_slow(resolver, "dead.test");
    ASSERT_TRUE(begin(resolver, "dead.test"));
    EXPECT_EQ(ask(resolver, "healthy.test").ending, Resolved::Ending::found);
    EXPECT_TRUE(end());
}

TEST_F(SlowNamesTest, HaveHalfOfTheLookUpsAtMost) {
    ResolverOptions two = options();
    two.lookups_max = 2;
    PoolResolver resolver(context_.get_executor(), time_, two);
    become_slow(resolver, "dead1.test");
    become_slow(resolver, "dead2.test");
    ASSERT_TRUE(begin(resolver, "dead1.test"));
    EXPECT_EQ(ask(resolver, "dead2.test").ending, Resolved::Ending::exhausted);
    EXPECT_EQ(ask(resolver, "healthy.test").ending, Resolved::Ending::found);
    EXPECT_TRUE(end());
    time_.advance_ms(60'000);
    ASSERT_TRUE(begin(resolver, "dead2.test"));
    EXPECT_TRUE(end());
}

TEST_F(SlowNamesTest, AreThoseThatWereNotFoundOrLateTwice) {
    ResolverOptions two = options();
    two.lookups_max = 2;
    PoolResolver resolver(context_.get_executor(), time_, two);
    become_slow(resolver, "dead.test");
    become_slow(resolver, "late.test");
    ASSERT_TRUE(begin(resolver, "dead.test"));
    // It was found: the first time says little.
    ASSERT_TRUE(begin(resolver, "late.test"));
    time_.advance_ms(5'000);
    ASSERT_TRUE(end());
    ASSERT_TRUE(end());
    time_.advance_ms(60'000);
    ASSERT_TRUE(begin(resolver, "dead.test"));
    EXPECT_EQ(ask(resolver, "late.test").ending, Resolved::Ending::exhausted);
    EXPECT_TRUE(end());
}

TEST_F(SlowNamesTest, AreSoForFiveMinutesAfterTheirLastLookUp) {
    ResolverOptions two = options();
    two.lookups_max = 2;
    PoolResolver resolver(context_.get_executor(), time_, two);
    become_slow(resolver, "dead1.test");
    become_slow(resolver, "dead2.test");
    ASSERT_TRUE(begin(resolver, "dead1.test"));
    time_.advance_ms(300'000 - 60'001);
    EXPECT_EQ(ask(resolver, "dead2.test").ending, Resolved::Ending::exhausted);
    time_.advance_ms(1);
    EXPECT_TRUE(begin(resolver, "dead2.test"));
    EXPECT_TRUE(end());
    EXPECT_TRUE(end());
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
