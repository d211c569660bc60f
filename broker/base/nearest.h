// What a misspelt word was meant to be: of the names there are, the one that is the fewest changes
// of a character away. Pure; for short names and lists, the work grows with both.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace penstock {

// The first of the nearest among `known`, at most `changes_max` away; empty: none is.
std::string_view nearest(std::string_view name,
                         const std::vector<std::string_view>& known,
                         std::size_t changes_max);

}  // namespace penstock
