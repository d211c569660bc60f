// SysTopic: publishes what happens on this server to the topic `sys`, where there is one. Owned by
// the composition root; lives on one I/O thread, whose context runs nothing after its end. What
// cannot be published is lost: the log and /metrics tell of it in any case.
#pragma once

#include "broker/api/broker.h"
#include "broker/api/metrics.h"
#include "plugins/sys/sys_events.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <string>

namespace penstock::plugins::sys {

inline constexpr const char* topic_name = "sys";

class SysTopic {
  public:
    // `source` of its CloudEvents. `broker` and `figures` outlive it.
    SysTopic(boost::asio::any_io_executor executor,
             api::Broker& broker,
             api::MetricSource& figures,
             std::string source,
             std::chrono::milliseconds period);

    // Begins to look, until stop(). Both: once, any thread.
    void start();
    void stop();

  private:
    void wait();
    void ask();
    void look(const model::Metrics& metrics);
    void publish(const SysEvent& event);

    boost::asio::any_io_executor executor_;
    api::Broker& broker_;
    api::MetricSource& figures_;
    std::string source_;
    std::chrono::milliseconds period_;
    boost::asio::steady_timer timer_;
    Looked looked_;
    bool stopped_ = false;
};

}  // namespace penstock::plugins::sys
