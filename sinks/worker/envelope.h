// Envelope: a delivery as functions see it, as an event or as environment variables. Pure functions
// but for inherited_environment(), any thread.
#pragma once

#include "broker/api/dispatch.h"
#include "sinks/worker/protocol.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sinks::worker {

// Of all variables that one message makes; attributes beyond it are left out.
inline constexpr std::size_t environment_bytes_max = 64 * 1024;

Event make_event(const api::Target& target, const api::Delivery& delivery);

// PENSTOCK_MESSAGE_ID and the others of penstock-worker(7), as NAME=value. Attributes become
// PENSTOCK_HEADER_<NAME>, in capitals, what is no letter or digit as `_`; of two that come to the
// same name the first counts.
std::vector<std::string> message_environment(const api::Target& target,
                                             const api::Delivery& delivery,
                                             std::int64_t deadline_ms);

// PENSTOCK_TOPIC and PENSTOCK_SUBSCRIPTION.
std::vector<std::string> subscription_environment(const api::Target& target);

// What processes get of the server's own environment: PATH, LANG, TZ, HOME. Once, at the start.
std::vector<std::string> inherited_environment();

}  // namespace penstock::sinks::worker
