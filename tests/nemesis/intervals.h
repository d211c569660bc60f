// Intervals: what must not begin before something else has ended: leases, delays, deletes, order by
// key, rewinds, counts. Pure; n log n but for the receives of one body.
#pragma once

#include "tests/nemesis/history.h"

namespace penstock::nemesis {

// Rules: came_back, leased_twice, early, out_of_order, not_rewound, count_wrong.
Findings check_intervals(const History& history);

}  // namespace penstock::nemesis
