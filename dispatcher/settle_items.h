// What the core is told of deliveries: the item that ends a hand-out, the attempt for the track.
// Pure functions, the dispatcher's thread.
#pragma once

#include "broker/api/dispatch.h"
#include "sinks/sink.h"

#include <cstdint>
#include <optional>

namespace penstock::dispatcher {

struct Flight;

model::SettleItem item_of(const api::Delivery& delivery, const sinks::AttemptResult& result);

// The outcome of a delivery that goes back untried.
model::SettleItem untouched(const api::Delivery& delivery, model::Failure why);

// Nothing: it counts as none.
std::optional<model::Attempt> attempt_of(const Flight& flight,
                                         const api::Delivery& delivery,
                                         sinks::AttemptResult result,
                                         std::int64_t now_us);

// What was read may have moved. What is to be published or stored may be refused, which is nobody
// else's business unless order is kept.
bool may_end_otherwise(const api::HandlerEffects& effects, bool keeps_order);

}  // namespace penstock::dispatcher
