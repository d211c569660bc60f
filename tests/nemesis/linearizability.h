// Linearizability: for every message, every attribute and every name on its own, whether all that
// was answered fits one order. "undecided" is a finding as well. Pure.
#pragma once

#include "tests/nemesis/history.h"

namespace penstock::nemesis {

// Rules: message, attribute, name, undecided.
Findings check_linearizability(const History& history);

}  // namespace penstock::nemesis
