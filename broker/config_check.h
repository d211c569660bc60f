// config_command(): `penstock config`, from its words to the exit code. Beyond what the room can
// judge by itself (config/command.h) `check` opens what the file names and `serve` opens first:
// certificates, keys, the proxy's address, networks. Called once, by main, on its thread.
#pragma once

#include <string>
#include <vector>

namespace penstock {

// 0 done; 1 the server would not start with it; 2 wrong usage.
int config_command(const std::vector<std::string>& arguments);

}  // namespace penstock
