// Where a subscription delivers to, and with which scripts, as /v1 spells it: exactly one of http,
// queue, exec, worker, worker_http, runtime, lua; filter_lua and transform_lua before any of them.
// Reading and showing the same shapes. Pure functions, any thread.
#pragma once

#include "broker/api/requests.h"
#include "plugins/native/fields.h"

#include <boost/json/object.hpp>

#include <string_view>
#include <vector>

namespace penstock::plugins::native {

// The fields of a new subscription that read_sink() reads.
const std::vector<std::string_view>& sink_fields();

// Fills sink, endpoint, format, function and scripts of the request; a problem stays in `fields`.
void read_sink(Fields& fields, api::Subscribe& request);

// Puts the one object of the sink, and the versions of scripts in use.
void put_sink(boost::json::object& out, const model::SubscriptionSpec& spec);

}  // namespace penstock::plugins::native
