// Where a set's rows keep who its members are: beside the core's rows and outside its state hash.
#pragma once

#include <string_view>

namespace penstock::node {

inline constexpr std::string_view conf_state_key = "!conf";

}  // namespace penstock::node
