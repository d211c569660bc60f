// The scheduler with an endpoint that is not well: breaker, probes, reports, retries put aside, the
// cap of a host.
#include "dispatcher/scheduler.h"
#include "tests/dispatcher/deliveries.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
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
constexpr SubscriptionNo gamma{13};
constexpr SubscriptionNo delta{14};

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

// An endpoint whose window is eight; retries that came have had their share.
struct Narrow {
    explicit Narrow(unsigned retries) {
        model::PushPolicy push;
        push.retry_share_percent = 20;
        api::Target narrow = target(alpha, push);
        narrow.spec.concurrency = 4;
        scheduler.set_target(narrow, 1);
        EXPECT_EQ(scheduler.grants(), eight);
        scheduler.take(deliveries(alpha, 1, retries, 2), 1);
        while (const Flight* flight = scheduler.start_next(1, 0)) {
            scheduler.finish(flight->ticket, {}, 1);
        }
    }

    const std::vector<Grant> eight{{alpha, 8}};
    Scheduler scheduler{expecting_small()};
};

TEST(Health, RetriesPutAsideLeaveTheWindowToFirstAttempts) {
    Narrow some_aside(120);
    EXPECT_EQ(some_aside.scheduler.grants(), some_aside.eight);
    Narrow many_aside(600);
    EXPECT_EQ(many_aside.scheduler.grants(), many_aside.eight);
    // Of 1,032 that it may hold now one is free.
    Narrow nearly_all_aside(1'131);
    EXPECT_EQ(nearly_all_aside.scheduler.grants(), (std::vector<Grant>{{alpha, 1}}));
}

// They may be put aside when nothing starts, so that no end would make it look again.
TEST(Health, WhenRetriesArePutAsideMoreIsAskedFor) {
    Narrow none_aside(100);
    Scheduler& scheduler = none_aside.scheduler;
    EXPECT_EQ(scheduler.grants(), none_aside.eight);
    scheduler.take(deliveries(alpha, 101, 8, 2), 1);
    EXPECT_TRUE(scheduler.grants().empty());
    EXPECT_TRUE(start_all(scheduler, 1).empty());
    EXPECT_EQ(scheduler.grants(), none_aside.eight);
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

// One place at the host of alpha, beta and gamma, each with `count` messages.
class Line {
  public:
    explicit Line(unsigned count) {
        for (const SubscriptionNo subscription : {alpha, beta, gamma}) {
            scheduler.set_target(target(subscription, {}), 1);
            scheduler.take(deliveries(subscription, 1, count), 1);
        }
    }

    // Whose turn it is; nothing: nobody's.
    std::optional<SubscriptionNo> next() {
        const Flight* flight = scheduler.start_next(1, 0);
        if (flight == nullptr) return {};
        ticket_ = flight->ticket;
        return flight->delivery.subscription;
    }

    // The one that began last.
    void finish() { scheduler.finish(ticket_, {}, 1); }

    Scheduler scheduler{one_place()};

  private:
    static SchedulerLimits one_place() {
        SchedulerLimits limits;
        limits.host_in_flight_max = 1;
        return limits;
    }

    std::uint64_t ticket_ = 0;
};

TEST(Health, ThoseThatWaitForAPlaceAtAHostTakeTurns) {
    Line line(3);
    std::map<SubscriptionNo, unsigned> served;
    for (int turn = 0; turn < 9; ++turn) {
        const auto whose = line.next();
        ASSERT_TRUE(whose);
        served[*whose] += 1;
        EXPECT_FALSE(line.next());
        EXPECT_TRUE(turn < 3 || served.size() == 3) << turn;
        line.finish();
    }
    EXPECT_EQ(served, (std::map<SubscriptionNo, unsigned>{{alpha, 3}, {beta, 3}, {gamma, 3}}));
    EXPECT_FALSE(line.next());
}

TEST(Health, WhoCannotUseAPlaceAtAHostMakesWay) {
    Line line(1);
    ASSERT_EQ(line.next(), alpha);
    ASSERT_FALSE(line.next());
    // Of those in line one is paused and the other one is gone.
    api::Target paused = target(beta, {});
    paused.spec.state = model::SubscriptionState::paused;
    line.scheduler.set_target(paused, 1);
    line.scheduler.drop_target(gamma);
    line.scheduler.take(deliveries(alpha, 2, 1), 1);
    EXPECT_FALSE(line.next());
    line.finish();
    EXPECT_EQ(line.next(), alpha);
    // Back in service it finds its way.
    line.scheduler.set_target(target(beta, {}), 1);
    line.scheduler.take(deliveries(beta, 2, 1), 1);
    EXPECT_FALSE(line.next());
    line.finish();
    EXPECT_EQ(line.next(), beta);
}

TEST(Health, WhoIsGoneOrMovesWhenItIsItsTurnAtAHostLeavesItToTheNext) {
    Line gone(1);
    ASSERT_EQ(gone.next(), alpha);
    ASSERT_FALSE(gone.next());
    gone.finish();
    gone.scheduler.drop_target(beta);
    EXPECT_EQ(gone.next(), gamma);
    Line moves(1);
    ASSERT_EQ(moves.next(), alpha);
    ASSERT_FALSE(moves.next());
    moves.finish();
    api::Target moved = target(beta, {});
    moved.spec.endpoint = "http://elsewhere.example/";
    moves.scheduler.set_target(moved, 1);
    EXPECT_EQ(moves.next(), beta);
    EXPECT_EQ(moves.next(), gamma);
}

TEST(Health, WhoHasItsShareOfAllPlacesLeavesThoseAtAHostToOthers) {
    SchedulerLimits limits;
    limits.host_in_flight_max = 2;
    limits.in_flight_max = 8;  // half of them for who has more than what is sure
    limits.in_flight_sure = 1;
    Scheduler scheduler{limits};
    scheduler.set_target(target(alpha, {}), 1);
    scheduler.take(deliveries(alpha, 1, 3), 1);
    EXPECT_EQ(start_all(scheduler, 1), (std::vector<model::Sequence>{1, 2}));
    for (const SubscriptionNo subscription : {gamma, delta}) {
        api::Target elsewhere = target(subscription, {});
        elsewhere.spec.endpoint = "http://" + std::to_string(subscription.value) + ".example/";
        scheduler.set_target(elsewhere, 1);
        scheduler.take(deliveries(subscription, 1, 1), 1);
    }
    scheduler.set_target(target(beta, {}), 1);
    scheduler.take(deliveries(beta, 101, 1), 1);
    EXPECT_EQ(start_all(scheduler, 1).size(), 2U);
    scheduler.finish(1, {}, 1);
    EXPECT_EQ(start_all(scheduler, 1), (std::vector<model::Sequence>{101}));
}

TEST(Health, WhoMovesToAnotherHostLeavesTheLine) {
    Line line(1);
    ASSERT_EQ(line.next(), alpha);
    ASSERT_FALSE(line.next());
    api::Target moved = target(beta, {});
    moved.spec.endpoint = "http://elsewhere.example/";
    line.scheduler.set_target(moved, 1);
    EXPECT_EQ(line.next(), beta);
    EXPECT_FALSE(line.next());
}

}  // namespace
}  // namespace penstock::dispatcher
