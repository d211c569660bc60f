// recover(): `penstock cluster recover`, from the flags to the exit code. Works on the data folder
// of a server that does not run: makes this replica all there is of its cluster
// (cluster/recovery.h) and prints what that means, set by set. Called once, by main, on its thread.
#pragma once

#include <string>
#include <vector>

namespace penstock {

// 0 done, or nothing to do; 1 refused or failed; 2 wrong usage; 4 another node answers.
int recover(const std::vector<std::string>& arguments);

}  // namespace penstock
