// Results: what a script's function returned, as Outcomes of its run. Runs inside Lua, on the run's
// coroutine; a wrong type is an outcome with one clear sentence, never a Lua error. One thread.
#pragma once

#include "lua/run.h"

#include <lua.hpp>

namespace penstock::lua {

// The returned values are the whole stack.
void take_results(lua_State* state, Run& run);

// All inputs of the run ended in this way.
void settle_all(Run& run, const Outcome& outcome);

// The error value at `at` as text, without calling anything of the script.
std::string error_text(lua_State* state, int at);

}  // namespace penstock::lua
