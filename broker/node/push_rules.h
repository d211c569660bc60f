// Rules for what pushes carry beside the message: which keys sign after a change, and the ranges
// of headers and authorization. Pure functions; a Refusal names the field. Nothing: it is fine.
#pragma once

#include "broker/api/requests.h"
#include "broker/model/push.h"
#include "broker/node/validation.h"

namespace penstock::node {

// The new key signs from now on, those of before beside it until `now_ms` and the overlap; what
// has ended by then is gone. No key: nothing signs any more.
Refused change_signing(const api::SigningChange& change,
                       model::TimeMs now_ms,
                       model::PushSpec& push);

// Only requests of HTTP subscriptions carry anything.
Refused check_push(const model::SubscriptionSpec& spec);

}  // namespace penstock::node
