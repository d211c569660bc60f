// What the scheduler tells of itself in figures.
#include "dispatcher/scheduler.h"

#include <algorithm>
#include <string>
#include <utility>

namespace penstock::dispatcher {

namespace {

double number(std::size_t value) {
    return static_cast<double>(value);
}

}  // namespace

void Scheduler::measure(model::Metrics& metrics) const {
    std::vector<const Lane*> lanes;
    std::size_t open = 0;
    for (const auto& [subscription, lane] : lanes_) {
        lanes.push_back(&lane);
        if (lane.pace.breaker_open()) ++open;
    }
    metrics.gauge("penstock_attempts_in_flight", "Attempts under way.", number(flights_.size()));
    metrics.gauge("penstock_breakers_open",
                  "Subscriptions whose endpoint fails and is only probed.",
                  number(open));
    const std::size_t told = std::min(lanes.size(), model::labelled_objects_max);
    std::partial_sort(lanes.begin(),
                      lanes.begin() + static_cast<std::ptrdiff_t>(told),
                      lanes.end(),
                      [](const Lane* one, const Lane* other) {
                          return stored_name(*one->target) < stored_name(*other->target);
                      });
    lanes.resize(told);
    for (const Lane* lane : lanes) measure(*lane, metrics);
}

void Scheduler::measure(const Lane& lane, model::Metrics& metrics) {
    const model::MetricLabels labels{{"subscription", stored_name(*lane.target)}};
    metrics.gauge("penstock_subscription_in_flight",
                  "Attempts of a subscription under way.",
                  number(lane.in_flight),
                  labels);
    metrics.gauge("penstock_subscription_concurrency_limit",
                  "Attempts of a subscription that may be under way at a time, as things are.",
                  number(lane.pace.concurrency()),
                  labels);
    metrics.gauge("penstock_subscription_breaker_open",
                  "1 while a subscription's endpoint fails and is only probed.",
                  lane.pace.breaker_open() ? 1 : 0,
                  labels);
}

}  // namespace penstock::dispatcher
