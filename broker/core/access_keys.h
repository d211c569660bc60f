// Access keys in set 0: put, replaced, taken back. What a key may do stands in its sealed
// credential; the core knows the id and whether it is a root key that does not end. Pure, as all of
// the core.
#pragma once

#include "broker/core/turn.h"
#include "broker/model/command.h"

namespace penstock::core {

// As many as there may be; what one change looks through.
inline constexpr std::size_t keys_max = 1'000;

// A key without a secret is taken back. Replies Done; denied: no lasting root key would be left, or
// there are keys_max; invalid_parameter: there is none to take back.
model::Reply put_key(Turn& turn, const model::PutKey& command);

}  // namespace penstock::core
