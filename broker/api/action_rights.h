// Which right an action needs, by its name: for those who are asked beforehand whether a key may do
// it. Pure function, any thread.
#pragma once

#include "broker/api/acts.h"

#include <optional>
#include <string_view>

namespace penstock::api {

// Nothing: no request is called so, nor is it content_action. Other things that a request does
// beside (a dead-letter queue that letters flow into) have actions of their own.
std::optional<Right> right_for(std::string_view action);

}  // namespace penstock::api
