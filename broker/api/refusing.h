// How a Broker before the node refuses: with an outcome of the request's own type. Any thread.
#pragma once

#include "broker/api/broker.h"

#include <any>

namespace penstock::api {

// The Outcome of the request's Reply that says why not.
std::any refusal_of(const Request& request, model::Refusal why);

// Answers on the executor, never inside the call.
void refuse(const Request& request,
            model::Refusal why,
            const asio::any_io_executor& executor,
            Broker::Answer answer);

}  // namespace penstock::api
