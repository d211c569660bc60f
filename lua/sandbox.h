// The sandbox: what a script can name, and nothing else. Library tables are read-only, the string
// metatable is locked, finalizers are refused, whatever loads code or touches the system is gone.
//
// A script's _ENV is one table that is always empty: reads and writes of globals go to the script's
// own globals while it is loaded, and to a table of the run's own afterwards, so that the globals
// of one message never reach the next. One a Lua state; called by its Vm, one thread.
#pragma once

#include "lua/run.h"

#include <lua.hpp>

#include <string>
#include <vector>

namespace penstock::lua {

// Fills a new state. Runs inside Lua: fails by a Lua error.
void open_sandbox(lua_State* state);

// Pushes the table that is a chunk's _ENV.
void push_environment(lua_State* state);

// Pushes the script's global `name`, looking nowhere else.
void push_script_global(lua_State* state, const char* name);

// From here on written globals are the script's own.
void write_script_globals(lua_State* state);

// From here on globals are those of `run`. Allocates nothing.
void enter_run_globals(lua_State* state, const Run& run);

// Gives the metatable on the stack's top a lock: getmetatable gives false, setmetatable refuses.
void protect_metatable(lua_State* state);

// Replaces the table on the stack's top by a read-only view of it.
void lock_table(lua_State* state, const char* name);

// Every name a script finds in its globals before it has set any, in order.
std::vector<std::string> sandbox_names();

}  // namespace penstock::lua
