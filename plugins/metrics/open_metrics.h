// The text form of OpenMetrics 1.0: families with their HELP, TYPE and UNIT, then the samples, then
// "# EOF". Pure, any thread.
#pragma once

#include "broker/model/metric.h"

#include <string>
#include <string_view>

namespace penstock::plugins::metrics {

inline constexpr std::string_view open_metrics_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

std::string to_open_metrics(const model::Metrics& metrics);

}  // namespace penstock::plugins::metrics
