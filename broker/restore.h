// restore(): `penstock restore`, from the flags to the exit code. Makes a data folder out of a
// backup (cluster/restoring.h), or only looks whether the backup is whole. Called once, by main, on
// its thread.
#pragma once

#include <string>
#include <vector>

namespace penstock {

// 0 done; 1 refused, damaged or failed; 2 wrong usage; 4 the folder is not empty or in use.
int restore(const std::vector<std::string>& arguments);

}  // namespace penstock
