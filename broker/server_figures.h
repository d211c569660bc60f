// ServerFigures: the figures of a whole server: those of its node and, behind them, those of its
// sinks, which live on another thread. Owned by the Assembly; any thread may ask.
#pragma once

#include "broker/api/metrics.h"

#include <boost/asio/any_io_executor.hpp>

#include <functional>

namespace penstock {

class ServerFigures final : public api::MetricSource {
  public:
    // Adds what there is to tell on the thread of the sinks.
    using Sinks = std::function<void(model::Metrics& metrics)>;

    ServerFigures(api::MetricSource& node, boost::asio::any_io_executor executor, Sinks sinks)
        : node_(node), executor_(std::move(executor)), sinks_(std::move(sinks)) {}

    void measure(std::function<void(model::Metrics)> take) override;

  private:
    api::MetricSource& node_;
    boost::asio::any_io_executor executor_;
    Sinks sinks_;
};

}  // namespace penstock
