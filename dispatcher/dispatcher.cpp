#include "dispatcher/dispatcher.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::dispatcher {
namespace {

// A turn starts no more than this, so that answers are read in between.
constexpr unsigned starts_per_turn_max = 64;

// An item of a settlement whose handler wanted something to happen with it.
struct Effective {
    std::size_t item = 0;
    model::Sequence sequence = 0;
};

bool is_in(const std::vector<std::size_t>& items, std::size_t item) {
    return std::find(items.begin(), items.end(), item) != items.end();
}

}  // namespace

Dispatcher::Dispatcher(asio::any_io_executor executor,
                       api::Dispatch& dispatch,
                       sinks::Sinks sinks,
                       const Clock& clock,
                       const SchedulerLimits& limits)
    : executor_(std::move(executor)),
      dispatch_(dispatch),
      sinks_(std::move(sinks)),
      clock_(clock),
      scheduler_(limits),
      timer_(executor_),
      stop_timer_(executor_) {}

void Dispatcher::start() {
    dispatch_.attach(*this);
}

void Dispatcher::stop(std::chrono::milliseconds within, std::function<void()> stopped) {
    asio::post(executor_, [this, within, stopped = std::move(stopped)]() {
        stopped_ = stopped;
        scheduler_.drain();
        stop_timer_.expires_after(within);
        stop_timer_.async_wait([this](const boost::system::error_code& ec) {
            if (!ec) end();
        });
        step();
        end_if_quiet();
    });
}

void Dispatcher::on_target(api::Target target) {
    asio::post(executor_, [this, target = std::move(target)]() {
        if (const auto before = scheduler_.set_target(target, clock_.steady_us())) forget(*before);
        step_soon();
    });
}

void Dispatcher::on_target_gone(model::SubscriptionNo subscription) {
    asio::post(executor_, [this, subscription]() {
        if (const auto target = scheduler_.drop_target(subscription)) forget(*target);
        step_soon();
    });
}

void Dispatcher::on_deliveries(std::vector<api::Delivery> deliveries) {
    asio::post(executor_, [this, deliveries = std::move(deliveries)]() mutable {
        scheduler_.take(std::move(deliveries), clock_.steady_us());
        step_soon();
    });
}

void Dispatcher::forget(const api::Target& target) {
    sinks_.at(target.spec.sink)->forget(target);
}

// One step serves all that happened in a turn of the loop.
void Dispatcher::step_soon() {
    if (std::exchange(step_posted_, true)) return;
    asio::post(executor_, [this]() {
        step_posted_ = false;
        step();
        end_if_quiet();
    });
}

void Dispatcher::step() {
    start_deliveries();
    for (const Grant& grant : scheduler_.grants()) dispatch_.grant(grant.subscription, grant.more);
    for (DueSettlement& due : scheduler_.settlements(clock_.steady_us())) submit(std::move(due));
    for (Report& report : scheduler_.reports(clock_.steady_us(), clock_.wall_ms())) {
        dispatch_.report(report.subscription, std::move(report.health));
    }
    arm();
}

void Dispatcher::start_deliveries() {
    for (unsigned started = 0; started < starts_per_turn_max; ++started) {
        const Flight* flight = scheduler_.start_next(clock_.steady_us(), clock_.wall_ms());
        if (flight == nullptr) return;
        hand_to_sink(*flight);
    }
    step_soon();
}

void Dispatcher::hand_to_sink(const Flight& flight) {
    const std::uint64_t ticket = flight.ticket;
    const model::SubscriptionNo subscription = flight.delivery.subscription;
    sinks::Sink& sink = *sinks_.at(flight.target->spec.sink);
    if (flight.target->spec.pace.batch > 1) {
        return sink.deliver_batch(
            *flight.target,
            flight.batch(),
            [this, ticket, subscription](std::vector<sinks::AttemptResult> results) {
                for (sinks::AttemptResult& result : results) judge(ticket, subscription, result);
                scheduler_.finish_batch(ticket, std::move(results), clock_.steady_us());
                step_soon();
            });
    }
    sink.deliver(
        *flight.target, flight.delivery, [this, ticket, subscription](sinks::AttemptResult result) {
            judge(ticket, subscription, result);
            scheduler_.finish(ticket, std::move(result), clock_.steady_us());
            step_soon();
        });
}

void Dispatcher::judge(std::uint64_t ticket,
                       model::SubscriptionNo subscription,
                       sinks::AttemptResult& result) {
    scheduler_.judge(ticket, result);
    if (result.disable.empty() || !scheduler_.disable(ticket)) return;
    dispatch_.disable(subscription, result.disable);
}

void Dispatcher::submit(DueSettlement due) {
    Durable durable;
    durable.subscription = due.settlement.subscription;
    durable.lane = due.lane;
    durable.items = due.settlement.items.size();
    durable.effect_bytes = due.effect_bytes;
    std::vector<Effective> effective;
    for (const api::HandlerEffects& effects : due.settlement.effects) {
        effective.push_back({effects.item, due.settlement.items[effects.item].sequence});
    }
    auto done = [this, durable = std::move(durable), effective = std::move(effective)](
                    const api::Dispatch::Settled& settled) mutable {
        for (const Effective& one : effective) {
            auto& ended = is_in(settled.moved, one.item)     ? durable.moved
                          : is_in(settled.refused, one.item) ? durable.refused
                                                             : durable.committed;
            ended.push_back(one.sequence);
        }
        asio::post(executor_, [this, durable = std::move(durable)]() {
            scheduler_.on_durable(durable, clock_.steady_us());
            step_soon();
        });
    };
    dispatch_.settle(std::move(due.settlement), std::move(done));
}

void Dispatcher::arm() {
    const auto wake = scheduler_.wake_us();
    // A timer that runs too early looks again.
    if (!wake || (armed_us_ != 0 && armed_us_ <= *wake)) return;
    armed_us_ = *wake;
    const std::int64_t wait_us = std::max<std::int64_t>(0, *wake - clock_.steady_us());
    timer_.expires_after(std::chrono::microseconds(wait_us));
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (ec) return;
        armed_us_ = 0;
        step_soon();
    });
}

void Dispatcher::end_if_quiet() {
    if (stopped_ && scheduler_.in_flight() == 0 && scheduler_.unsettled() == 0) end();
}

void Dispatcher::end() {
    if (!stopped_) return;
    for (const auto& [kind, sink] : sinks_) sink->stop();
    step();  // settles what the sinks knew
    stop_timer_.cancel();
    timer_.cancel();
    std::exchange(stopped_, nullptr)();
}

}  // namespace penstock::dispatcher
