// The `push` object of a subscription: how fast it is pushed, what its endpoint's answers mean,
// what becomes of what cannot be delivered. Pure functions, any thread.
#pragma once

#include "broker/api/requests.h"
#include "plugins/native/fields.h"

#include <boost/json/object.hpp>

namespace penstock::plugins::native {

// What the request says; problems go to `fields`.
model::PushChange read_pace(Fields& fields);

// What a new subscription begins with: an HTTP endpoint is attended to unless one of CMQ's two
// schedules was asked for by name, which are exact.
model::PushPolicy first_pace(const model::SubscriptionSpec& spec, bool schedule_by_name);

boost::json::object show(const model::PushPolicy& push);

// Nothing to say of an endpoint that does well: then it is only `ok`.
boost::json::object show(const model::PushHealth& health);

}  // namespace penstock::plugins::native
