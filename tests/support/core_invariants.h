// What always holds of a data set's rows, whatever commands came: bodies are counted by their
// holders, counters say what the rows hold, the wake is the first timer. Pure functions over rows;
// they read everything, so for small sets only.
#pragma once

#include "broker/model/entry.h"

#include <string>
#include <vector>

namespace penstock::testing {

// One line per broken invariant, naming the object; empty when all hold. `effects` and `now_ms` are
// those of the entry applied last.
std::vector<std::string> broken_invariants(const model::Rows& rows,
                                           const model::Effects& effects,
                                           model::TimeMs now_ms);

// Keys of rows that belong to an object, as text: what must be empty when all objects are gone.
std::vector<std::string> object_rows(const model::Rows& rows);

}  // namespace penstock::testing
