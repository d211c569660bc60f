// GET /metrics: the server's figures as OpenMetrics text. Without a key on a loopback listener,
// with one of /v1 elsewhere. Any I/O thread; broker, source and clock outlive it. A server that
// does not answer within two seconds (it starts, stops or hangs) is a 503.
#pragma once

#include "broker/api/broker.h"
#include "broker/api/keys.h"
#include "broker/api/metrics.h"
#include "broker/base/clock.h"
#include "plugins/listener/http.h"

#include <memory>

namespace penstock::plugins {

std::unique_ptr<HttpFrontEnd> make_metrics_front_end(api::Broker& broker,
                                                     api::MetricSource& source,
                                                     const Clock& clock,
                                                     const api::Keys* keys = nullptr);

}  // namespace penstock::plugins
