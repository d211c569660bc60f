// What the scheduler tells of itself in figures.
#include "tests/dispatcher/handling.h"

#include <gtest/gtest.h>

namespace penstock::dispatcher {
namespace {

double figure(const Scheduler& scheduler, const char* name, const model::MetricLabels& labels) {
    model::Metrics metrics;
    scheduler.measure(metrics);
    return metrics.value(name, labels);
}

TEST(SchedulerFigures, TellWhatIsUnderWayAndHowMuchMayBe) {
    Handling handling(3);
    handling.arrive(1, 5);
    handling.start();
    const model::MetricLabels counter{{"subscription", "orders/counter"}};
    const Scheduler& scheduler = handling.scheduler;
    EXPECT_EQ(figure(scheduler, "penstock_attempts_in_flight", {}), 3);
    EXPECT_EQ(figure(scheduler, "penstock_subscription_in_flight", counter), 3);
    EXPECT_EQ(figure(scheduler, "penstock_subscription_concurrency_limit", counter), 3);
    EXPECT_EQ(figure(scheduler, "penstock_subscription_breaker_open", counter), 0);
    EXPECT_EQ(figure(scheduler, "penstock_breakers_open", {}), 0);
    handling.finish(1, {});
    EXPECT_EQ(figure(scheduler, "penstock_subscription_in_flight", counter), 2);
}

TEST(SchedulerFigures, LabelTheFirstHundredSubscriptionsByName) {
    Scheduler scheduler{SchedulerLimits{}};
    for (std::uint32_t number = 1; number <= 130; ++number) {
        api::Target target;
        target.subscription = model::SubscriptionNo{number};
        target.topic = "orders";
        target.name = "s" + std::to_string(1'000 - number);  // the last ones come first by name
        target.spec.concurrency = number;
        scheduler.set_target(target, 0);
    }
    model::Metrics metrics;
    scheduler.measure(metrics);
    const std::string name = "penstock_subscription_concurrency_limit";
    std::size_t told = 0;
    for (const model::MetricFamily& family : metrics.families()) {
        if (family.name == name) told += family.samples.size();
    }
    EXPECT_EQ(told, 100U);
    EXPECT_EQ(metrics.value(name, {{"subscription", "orders/s870"}}), 130);
    EXPECT_EQ(metrics.value(name, {{"subscription", "orders/s969"}}), 31);
    EXPECT_EQ(metrics.value(name, {{"subscription", "orders/s970"}}), 0);
}

}  // namespace
}  // namespace penstock::dispatcher
