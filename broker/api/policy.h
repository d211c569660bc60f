// How the statements of a key are weighed: patterns, and a denial before any allowance. Pure
// functions, any thread.
#pragma once

#include "broker/model/access.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace penstock::api {

// `folded`: the case of letters does not count. Time goes by the product of both lengths at most.
bool matches(std::string_view pattern, std::string_view text, bool folded = false);

enum class Verdict : std::uint8_t { silent, allowed, denied };

// What the statements say of one action on one resource: a denial beats any number of allowances.
// Names of queues are one in any letter case, so the patterns of "queue/..." are too.
Verdict weigh(const std::vector<model::Statement>& statements,
              std::string_view action,
              std::string_view resource);

}  // namespace penstock::api
