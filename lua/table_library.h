// The functions of `table` whose loops run in C: insert, remove, move, concat and sort, with every
// element charged to the budget. Called by the sandbox while a state is made; one thread.
#pragma once

#include <lua.hpp>

namespace penstock::lua {

// Replaces fields of the table on the stack's top.
void replace_table_functions(lua_State* state);

}  // namespace penstock::lua
