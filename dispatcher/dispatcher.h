// Dispatcher: drives the Scheduler. It takes deliveries the broker hands out, gives them to the
// sinks, and settles what came of them. Made by the composition root; lives on one I/O thread, to
// which the broker's calls are posted. The broker and that thread's context outlive it, and the
// context runs nothing after its end. Failures of targets are outcomes; it has none of its own.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/base/clock.h"
#include "dispatcher/scheduler.h"
#include "sinks/sink.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace penstock::dispatcher {

namespace asio = boost::asio;

class Dispatcher final : public api::DeliveryListener {
  public:
    // `sinks` run on `executor`'s thread. `dispatch` and `clock` outlive the dispatcher.
    Dispatcher(asio::any_io_executor executor,
               api::Dispatch& dispatch,
               sinks::Sinks sinks,
               const Clock& clock,
               const SchedulerLimits& limits = {});

    // Attaches to the broker: deliveries begin. Once, any thread.
    void start();

    // Starts no more; lets attempts in flight end and settles them, until `within` has passed: then
    // the sinks are stopped and the rest is left to be handed out again. `stopped` runs last, on
    // the dispatcher's thread. Once, any thread.
    void stop(std::chrono::milliseconds within, std::function<void()> stopped);

    // What it tells of itself in figures. The dispatcher's thread.
    void measure(model::Metrics& metrics) const { scheduler_.measure(metrics); }

    // Called by the broker, on its threads.
    void on_target(api::Target target) override;
    void on_target_gone(model::SubscriptionNo subscription) override;
    void on_deliveries(std::vector<api::Delivery> deliveries) override;

  private:
    void step_soon();
    void step();
    void start_deliveries();
    void hand_to_sink(const Flight& flight);
    void judge(std::uint64_t ticket,
               model::SubscriptionNo subscription,
               sinks::AttemptResult& result);
    void submit(DueSettlement due);
    void forget(const api::Target& target);
    void arm();
    void end_if_quiet();
    void end();

    asio::any_io_executor executor_;
    api::Dispatch& dispatch_;
    sinks::Sinks sinks_;
    const Clock& clock_;
    Scheduler scheduler_;
    asio::steady_timer timer_;
    asio::steady_timer stop_timer_;
    std::int64_t armed_us_ = 0;  // when timer_ ends; 0: it does not run
    bool step_posted_ = false;
    std::function<void()> stopped_;  // set while stopping
};

}  // namespace penstock::dispatcher
