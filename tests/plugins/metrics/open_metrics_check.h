// A strict reader of OpenMetrics 1.0 text, written from its specification and knowing nothing of
// what wrote it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::testing {

// What breaks the rules, line by line; empty: nothing does.
std::vector<std::string> open_metrics_faults(std::string_view text);

}  // namespace penstock::testing
