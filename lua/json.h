// JSON between text and Lua values. Whole numbers keep their 64 bits, null is json.null, arrays
// keep being arrays when they are empty, and depth and size are limited. Runs inside Lua: fails by
// a Lua error and charges the budget; one thread.
#pragma once

#include <lua.hpp>

#include <string>
#include <string_view>

namespace penstock::lua {

// Makes what the others need in a new state, and leaves the table `json` (encode, decode, array,
// null) on the stack.
void open_json(lua_State* state);

// Pushes the value in `text`. `what` opens the error: "event.body is no JSON: ... at byte 7".
void push_json(lua_State* state, std::string_view text, const char* what);

// Appends the value at the stack's top as JSON and leaves the stack as it was.
void append_json(lua_State* state, std::string& out, const char* what);

// Pushes json.null.
void push_null(lua_State* state);

}  // namespace penstock::lua
