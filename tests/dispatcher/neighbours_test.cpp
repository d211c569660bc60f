// Health-aware push among neighbours, on a clock that only the test moves: a hundred healthy
// endpoints beside one that is dead, one that never ends its answers and one that throttles.
#include "dispatcher/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {
namespace {

using model::Failure;
using model::SubscriptionNo;
using model::Verdict;

constexpr std::int64_t ms = 1'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr std::uint32_t healthy = 100;
constexpr SubscriptionNo dead{201};
constexpr SubscriptionNo loris{202};
constexpr SubscriptionNo throttled{203};
constexpr std::uint32_t bad_backlog = 5'000;
constexpr unsigned attempts_max = 3;  // then the core would bury it

// The broker's side and the endpoints: what was published and is not done waits in order, what
// failed comes back after its pause.
class Street {
  public:
    void open(SubscriptionNo subscription) {
        api::Target target;
        target.subscription = subscription;
        target.spec.endpoint = "http://h" + std::to_string(subscription.value) + "/";
        target.spec.pace = model::attentive_push();
        scheduler_.set_target(target, now_us_);
    }

    void publish(SubscriptionNo subscription) {
        House& house = houses_[subscription];
        const model::Sequence sequence = ++house.last;
        house.published_us[sequence] = now_us_;
        house.ready.emplace(sequence, 1);
    }

    void run_until(std::int64_t end_us) {
        for (; now_us_ < end_us; now_us_ += ms) {
            while (!events_.empty() && events_.begin()->first <= now_us_) {
                const auto act = std::move(events_.begin()->second);
                events_.erase(events_.begin());
                act();
            }
            turn();
        }
    }

    void at(std::int64_t when_us, std::function<void()> act) {
        events_.emplace(when_us, std::move(act));
    }

    // How long deliveries to healthy endpoints took, 99 of 100 at most.
    [[nodiscard]] std::int64_t p99_us() const {
        std::vector<std::int64_t> sorted = latencies_;
        std::sort(sorted.begin(), sorted.end());
        return sorted.at(sorted.size() * 99 / 100);
    }

    [[nodiscard]] std::size_t delivered() const { return latencies_.size(); }

    bool dead_is_back = false;
    std::size_t attempts_at_dead = 0;  // while it was dead
    unsigned most_counted = 0;         // attempts that count of any of its messages
    std::size_t accepted_by_dead = 0;  // since it is back
    std::size_t beyond_ramp = 0;       // attempts at it beyond what its ramp allows
    std::size_t in_flight_at_dead = 0;

  private:
    struct House {
        model::Sequence last = 0;
        std::uint32_t credit = 0;
        std::map<model::Sequence, std::uint32_t> ready;  // with the number of the next attempt
        std::map<model::Sequence, std::int64_t> published_us;
    };

    void turn() {
        for (const Grant& grant : scheduler_.grants())
            houses_[grant.subscription].credit += grant.more;
        for (auto& [subscription, house] : houses_) hand_out(subscription, house);
        while (const Flight* flight = scheduler_.start_next(now_us_, 0)) knock(*flight);
        for (const DueSettlement& due : scheduler_.settlements(now_us_)) settle(due);
        scheduler_.reports(now_us_, 0);
    }

    void hand_out(SubscriptionNo subscription, House& house) {
        std::vector<api::Delivery> all;
        while (house.credit > 0 && !house.ready.empty()) {
            const auto [sequence, attempt] = *house.ready.begin();
            house.ready.erase(house.ready.begin());
            house.credit -= 1;
            api::Delivery delivery;
            delivery.subscription = subscription;
            delivery.sequence = sequence;
            delivery.attempt = attempt;
            delivery.payload = "x";
            all.push_back(std::move(delivery));
        }
        if (!all.empty()) scheduler_.take(std::move(all), now_us_);
    }

    // The endpoint decides what it will say, and when.
    void knock(const Flight& flight) {
        sinks::AttemptResult result;
        std::int64_t after_us = (5 + static_cast<std::int64_t>(flight.ticket * 7 % 11)) * ms;
        const SubscriptionNo at = flight.delivery.subscription;
        if (at == dead) {
            in_flight_at_dead += 1;
            if (dead_is_back) {
                // After n successes a limit that grows by 1/limit stands at about sqrt(2n).
                const std::size_t limit = in_flight_at_dead * in_flight_at_dead;
                if (limit > 4 * (accepted_by_dead + 1)) beyond_ramp += 1;
            } else {
                attempts_at_dead += 1;
                fail(result, Failure::refused, 0);
                after_us = ms;
            }
        } else if (at == loris) {
            fail(result, Failure::timeout, 0);
            after_us = 15 * second;
        } else if (at == throttled && flight.ticket % 4 != 0) {
            fail(result, Failure::status, 429);
            result.retry_after_ms = 2'000;
        } else {
            result.status = 200;
        }
        this->at(now_us_ + after_us, [this, ticket = flight.ticket, at, result]() {
            if (at == dead) in_flight_at_dead -= 1;
            if (at == dead && model::ends_well(result.verdict)) accepted_by_dead += 1;
            scheduler_.finish(ticket, result, now_us_);
        });
    }

    static void fail(sinks::AttemptResult& result, Failure failure, std::uint16_t status) {
        result.verdict = Verdict::retry;
        result.failure = failure;
        result.status = status;
    }

    // The core: done, or again after a second or the pause asked for.
    void settle(const DueSettlement& due) {
        Durable durable;
        durable.subscription = due.settlement.subscription;
        durable.lane = due.lane;
        durable.items = due.settlement.items.size();
        House& house = houses_[due.settlement.subscription];
        std::size_t tried = 0;
        for (const model::SettleItem& item : due.settlement.items) {
            const bool counted = item.verdict != Verdict::not_attempted;
            const std::uint32_t number = counted
                                             ? due.settlement.attempts.at(tried++).number
                                             : counted_[due.settlement.subscription][item.sequence];
            counted_[due.settlement.subscription][item.sequence] = number;
            if (model::ends_well(item.verdict)) {
                if (durable.subscription.value <= healthy) {
                    latencies_.push_back(now_us_ - house.published_us.at(item.sequence));
                }
                continue;
            }
            if (durable.subscription == dead) most_counted = std::max(most_counted, number);
            const std::int64_t pause_us = std::max<std::int64_t>(1'000, item.retry_after_ms) * ms;
            at(now_us_ + pause_us, [&house, sequence = item.sequence, number]() {
                house.ready.emplace(sequence, number + 1);
            });
        }
        scheduler_.on_durable(durable, now_us_);
    }

    Scheduler scheduler_{SchedulerLimits{}};
    std::map<SubscriptionNo, House> houses_;
    std::map<SubscriptionNo, std::map<model::Sequence, std::uint32_t>> counted_;
    std::multimap<std::int64_t, std::function<void()>> events_;
    std::vector<std::int64_t> latencies_;
    std::int64_t now_us_ = second;
};

// A hundred healthy endpoints get a message every 20 ms each, for 20 s.
void open_healthy(Street& street) {
    for (std::uint32_t number = 1; number <= healthy; ++number) {
        street.open(SubscriptionNo{number});
        for (int message = 0; message < 1'000; ++message) {
            const std::int64_t when = second + number * 100 + message * 20 * ms;
            street.at(when, [&street, number]() { street.publish(SubscriptionNo{number}); });
        }
    }
}

TEST(Neighbours, BadEndpointsDoNotSlowHealthyOnes) {
    Street alone;
    open_healthy(alone);
    alone.run_until(23 * second);
    ASSERT_EQ(alone.delivered(), 100'000U);

    Street beside;
    open_healthy(beside);
    for (const SubscriptionNo bad : {dead, loris, throttled}) {
        beside.open(bad);
        for (std::uint32_t at = 0; at < bad_backlog; ++at) beside.publish(bad);
    }
    beside.run_until(23 * second);
    EXPECT_EQ(beside.delivered(), 100'000U);
    EXPECT_LE(2 * beside.p99_us(), 3 * alone.p99_us());
}

TEST(Neighbours, ADeadEndpointsMessagesOutliveItsOutageAndItsReturnIsARamp) {
    Street street;
    street.open(dead);
    for (std::uint32_t at = 0; at < bad_backlog; ++at) street.publish(dead);
    const std::int64_t outage_us = 1'800 * second;
    street.run_until(outage_us);
    // Half an hour: a handful to open the breaker, then probes at growing pauses.
    EXPECT_LT(street.attempts_at_dead, 40U);
    EXPECT_LT(street.most_counted, attempts_max);
    street.dead_is_back = true;
    street.run_until(outage_us + 420 * second);
    EXPECT_EQ(street.accepted_by_dead, bad_backlog);
    EXPECT_EQ(street.beyond_ramp, 0U);
    EXPECT_LT(street.most_counted, attempts_max);
}

}  // namespace
}  // namespace penstock::dispatcher
