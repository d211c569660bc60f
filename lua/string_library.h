// The functions of `string` that are ours: find, match, gmatch and gsub over TextPattern, and rep;
// every one charges its work to the budget. Called by the sandbox while a state is made; one
// thread.
#pragma once

#include <lua.hpp>

namespace penstock::lua {

// Replaces fields of the table on the stack's top.
void replace_string_functions(lua_State* state);

}  // namespace penstock::lua
