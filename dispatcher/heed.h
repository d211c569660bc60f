// What an endpoint's answer means by the policy of its subscription, beyond what its sink says:
// error classes that are final, the end of an endpoint, a pause for all of it. Pure functions, the
// dispatcher's thread.
#pragma once

#include "broker/model/objects.h"
#include "dispatcher/breaker.h"
#include "sinks/sink.h"

namespace penstock::dispatcher {

// Lays the policy over the result: a 4xx may be final; 410 takes the subscription out of service,
// and its message waits for that to end.
void heed(const model::SubscriptionSpec& spec, sinks::AttemptResult& result);

// What the result says of the endpoint.
Sign sign_of(const sinks::AttemptResult& result);

// How long the endpoint asks for no further attempt, for any message; 0: it does not.
std::uint32_t asked_pause_ms(const sinks::AttemptResult& result);

// In words, for people: "status 503", "timeout".
std::string words_of(const sinks::AttemptResult& result);

}  // namespace penstock::dispatcher
