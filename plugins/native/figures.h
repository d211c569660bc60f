// Asks a server for its figures from an I/O thread, with a deadline.
#pragma once

#include "broker/api/metrics.h"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace penstock::plugins::native {

// Nothing: no answer within two seconds (the server starts, stops or hangs). `source` outlives it.
boost::asio::awaitable<std::optional<model::Metrics>> figures_of(api::MetricSource& source);

}  // namespace penstock::plugins::native
