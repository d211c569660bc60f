// The scheduler with an endpoint that is not well: breaker, probes, reports, retries put aside, the
// cap of a host.
#include "dispatcher/scheduler.h"
#include "tests/dispatcher/deliveries.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {
namespace {

using model::Failure;
using model::Hold;
using model::SubscriptionNo;
using model::Verdict;

constexpr std::int64_t second = 1'000'000;
constexpr SubscriptionNo alpha{11};
constexpr SubscriptionNo beta{12};

api::Target target(SubscriptionNo subscription, const model::PushPolicy& push) {
    api::Target target;
    target.subscription = subscription;
    target.spec.endpoint = "http://Shared.example:80/" + std::to_string(subscription.value);
    target.spec.pace = push;
    return target;
}

std::vector<api::Delivery> deliveries(SubscriptionNo subscription,
                                      model::Sequence first,
                                      unsigned count,
                                      std::uint32_t attempt = 1) {
    return deliveries_of(subscription, first, first + count - 1, attempt, 1);
}

sinks::AttemptResult refused() {
    sinks::AttemptResult result;
    result.verdict = Verdict::retry;
    result.failure = Failure::refused;
    return result;
}

std::vector<model::Sequence> start_all(Scheduler& scheduler, std::int64_t now_us) {
    std::vector<model::Sequence> started;
    while (const Flight* flight = scheduler.start_next(now_us, 0)) {
        started.push_back(flight->delivery.sequence);
    }
    return started;
}

model::PushPolicy with_breaker() {
    model::PushPolicy push;
    push.breaker = true;
    return push;
}

// The breaker of alpha, opened by five connections that were refused; sequences from 6 wait.
struct Opened {
    Opened() {
        scheduler.set_target(target(alpha, with_breaker()), 1);
        scheduler.take(deliveries(alpha, 1, 5), 1);
        start_all(scheduler, 1);
        for (std::uint64_t ticket = 1; ticket <= 5; ++ticket)
            scheduler.finish(ticket, refused(), 1);
        settle();
        scheduler.take(deliveries(alpha, 6, 3), 1);
    }

    std::vector<DueSettlement> settle() {
        auto all = scheduler.settlements(10 * second);
        for (const DueSettlement& due : all) {
            Durable durable;
            durable.subscription = due.settlement.subscription;
            durable.lane = due.lane;
            durable.items = due.settlement.items.size();
            scheduler.on_durable(durable, 1);
        }
        return all;
    }

    Scheduler scheduler{SchedulerLimits{}};
};

TEST(Health, WhileTheBreakerIsOpenNothingIsTriedAndNothingGoesBack) {
    Opened opened;
    EXPECT_TRUE(start_all(opened.scheduler, 1).empty());
    EXPECT_TRUE(opened.settle().empty());
    const auto wake = opened.scheduler.wake_us();
    ASSERT_TRUE(wake);
    EXPECT_TRUE(start_all(opened.scheduler, *wake - 1).empty());
    // One message probes.
    EXPECT_EQ(start_all(opened.scheduler, *wake), (std::vector<model::Sequence>{6}));
}

TEST(Health, AnOpenBreakerAndTheRampBehindItAreFigures) {
    Opened opened;
    const auto figure = [&](const char* name) {
        model::Metrics metrics;
        opened.scheduler.measure(metrics);
        return metrics.value(name, {{"subscription", "/"}});
    };
    EXPECT_EQ(figure("penstock_subscription_breaker_open"), 1);
    model::Metrics metrics;
    opened.scheduler.measure(metrics);
    EXPECT_EQ(metrics.value("penstock_breakers_open"), 1);
    const std::int64_t wake = *opened.scheduler.wake_us();
    start_all(opened.scheduler, wake);
    EXPECT_EQ(figure("penstock_subscription_in_flight"), 1);
    opened.scheduler.finish(6, {}, wake);
    EXPECT_EQ(figure("penstock_subscription_breaker_open"), 0);
    EXPECT_EQ(figure("penstock_subscription_concurrency_limit"), 1);
}

TEST(Health, AProbeInVainIsADeferralAndNoAttempt) {
    Opened opened;
    const std::int64_t wake = *opened.scheduler.wake_us();
    start_all(opened.scheduler, wake);
    opened.scheduler.finish(6, refused(), wake);
    const auto settled = opened.settle();
    ASSERT_EQ(settled.size(), 1U);
    const model::SettleItem& item = settled[0].settlement.items.at(0);
    EXPECT_EQ(item.verdict, Verdict::not_attempted);
    EXPECT_EQ(item.failure, Failure::refused);
    EXPECT_GE(item.retry_after_ms, 1'600U);
    EXPECT_TRUE(settled[0].settlement.attempts.empty());
    EXPECT_TRUE(start_all(opened.scheduler, wake).empty());
}

TEST(Health, AProbeThatIsTakenLetsOthersFollowOneByOneAtFirst) {
    Opened opened;
    const std::int64_t wake = *opened.scheduler.wake_us();
    start_all(opened.scheduler, wake);
    opened.scheduler.finish(6, {}, wake);
    EXPECT_EQ(start_all(opened.scheduler, wake), (std::vector<model::Sequence>{7}));
    opened.scheduler.finish(7, {}, wake);
    EXPECT_EQ(start_all(opened.scheduler, wake), (std::vector<model::Sequence>{8}));
}

TEST(Health, AChangeOfTheTargetDuringAProbeDoesNotLoseIt) {
    Opened opened;
    const std::int64_t wake = *opened.scheduler.wake_us();
    start_all(opened.scheduler, wake);
    api::Target changed = target(alpha, with_breaker());
    changed.spec.filter_tags = {"red"};
    opened.scheduler.set_target(changed, wake);
    opened.scheduler.finish(6, {}, wake);
    EXPECT_EQ(start_all(opened.scheduler, wake), (std::vector<model::Sequence>{7}));
}

TEST(Health, ReportsSayWhyAndUntilWhenOnce) {
    Opened opened;
    const auto reports = opened.scheduler.reports(1, 1'000);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].subscription, alpha);
    EXPECT_EQ(reports[0].health.hold, Hold::breaker);
    EXPECT_EQ(reports[0].health.reason, "refused");
    EXPECT_GE(reports[0].health.until_ms, 1'000 + 800);
    EXPECT_TRUE(opened.scheduler.reports(1, 1'000).empty());
    const std::int64_t wake = *opened.scheduler.wake_us();
    start_all(opened.scheduler, wake);
    opened.scheduler.finish(6, {}, wake);
    const auto later = opened.scheduler.reports(wake, 3'000);
    ASSERT_EQ(later.size(), 1U);
    EXPECT_EQ(later[0].health.hold, Hold::recovering);
}

TEST(Health, RetriesBeyondTheirShareWaitAsideWhileFirstAttemptsGoOn) {
    model::PushPolicy push;
    push.retry_share_percent = 20;
    Scheduler scheduler{SchedulerLimits{}};
    api::Target wide = target(alpha, push);
    wide.spec.concurrency = 1'000;
    scheduler.set_target(wide, 1);
    scheduler.take(deliveries(alpha, 1, 110, 2), 1);
    EXPECT_EQ(start_all(scheduler, 1).size(), 100U);
    scheduler.take(deliveries(alpha, 201, 3), 1);
    EXPECT_EQ(start_all(scheduler, 1), (std::vector<model::Sequence>{201, 202, 203}));
    // Three first attempts are not yet worth a retry; a tenth of a second is.
    const auto wake = scheduler.wake_us();
    ASSERT_TRUE(wake);
    EXPECT_LE(*wake, 100'002);
    EXPECT_EQ(start_all(scheduler, *wake), (std::vector<model::Sequence>{101}));
}

TEST(Health, OneHostHasACapHoweverManySubscriptionsNameIt) {
    SchedulerLimits limits;
    limits.host_in_flight_max = 5;
    Scheduler scheduler{limits};
    scheduler.set_target(target(alpha, {}), 1);
    api::Target other = target(beta, {});
    other.spec.endpoint = "http://shared.example:80/other";
    scheduler.set_target(other, 1);
    scheduler.take(deliveries(alpha, 1, 10), 1);
    scheduler.take(deliveries(beta, 1, 10), 1);
    EXPECT_EQ(start_all(scheduler, 1).size(), 5U);
    scheduler.finish(1, {}, 1);
    EXPECT_EQ(start_all(scheduler, 1).size(), 1U);
}

}  // namespace
}  // namespace penstock::dispatcher
