// serve(): `penstock serve`, from the flags to the exit code. The composition root of the server:
// reads the configuration, builds the rooms (assembly.h), says that it is ready, waits for a signal
// and takes everything down again. Called once, by main, on its thread.
#pragma once

#include <string>
#include <vector>

namespace penstock {

inline constexpr const char* version = PENSTOCK_VERSION;

// 0 after a stop by signal, 1 when the server cannot start or its disk fails, 2 for wrong usage.
int serve(const std::vector<std::string>& arguments);

}  // namespace penstock
