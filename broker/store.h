// store(): `penstock store check` and `penstock store salvage`, from the flags to the exit code.
// Look at the data folder of a server that does not run (cluster/store_check.h). Called once, by
// main, on its thread.
#pragma once

#include <string>
#include <vector>

namespace penstock {

// 0 whole, or salvaged without a loss; 1 damaged or failed; 2 wrong usage; 4 the folder is in use.
int store(const std::vector<std::string>& arguments);

}  // namespace penstock
