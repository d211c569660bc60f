// Releasing a delivery that waits: it is tried at once, or dropped, because somebody says so.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

model::Reply release_delivery(Turn& turn, const model::ReleaseDelivery& command);

// Its attempts begin at 1 again, and nothing is held against it.
void start_anew(Exception& exception);

}  // namespace penstock::core
