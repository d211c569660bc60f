// The mark of tables that are JSON arrays, shared by both directions of the binding; see json.h.
#pragma once

#include <lua.hpp>

namespace penstock::lua {

// Marks the table on the stack's top.
void mark_array(lua_State* state);

// Is the table at `at` so marked?
bool is_marked_array(lua_State* state, int at);

}  // namespace penstock::lua
