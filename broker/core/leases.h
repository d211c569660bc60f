// Messages of a queue with receivers: leased, deleted, their time changed, their lease over.
// Functions on a Turn; replies are refusals when the queue is missing or the request cannot be.
#pragma once

#include "broker/core/turn.h"

#include <string_view>

namespace penstock::core {

model::Reply lease(Turn& turn, const model::Lease& command);
model::Reply delete_messages(Turn& turn, const model::DeleteMessages& command);
model::Reply change_visibility(Turn& turn, const model::ChangeVisibility& command);
model::Reply give_back(Turn& turn, const model::GiveBack& command);

// Timer: the leases in `value` ended, if they still are what they were.
void leases_expired(Turn& turn, ObjectNo queue, std::string_view value);

}  // namespace penstock::core
