// MetricSource: where a server's figures come from. Implemented by broker/node; asked by
// plugins/metrics.
#pragma once

#include "broker/model/metric.h"

#include <functional>

namespace penstock::api {

class MetricSource {
  public:
    virtual ~MetricSource() = default;

    // Hands the figures of now to `take`, on the source's thread. Any thread. A server that stops
    // may drop `take` uncalled: who waits for it does so with a deadline.
    virtual void measure(std::function<void(model::Metrics)> take) = 0;
};

}  // namespace penstock::api
