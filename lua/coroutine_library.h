// What catches errors or switches coroutines, in versions that a broken budget passes through:
// pcall and xpcall, coroutine.create, resume, wrap, yield and close. A call that waits for the
// server inside a script's own coroutine leaves all coroutines and comes back into the same. Called
// by the sandbox while a state is made; one thread.
#pragma once

#include <lua.hpp>

namespace penstock::lua {

// pcall and xpcall into the table on the stack's top.
void replace_protected_calls(lua_State* state);

// Replaces fields of the table `coroutine` on the stack's top.
void replace_coroutine_functions(lua_State* state);

// For functions that wait for the server: leaves everything down to the host, which comes back by
// way of `continuation`. Raises an error where that cannot be.
int wait_for_host(lua_State* state, lua_KFunction continuation, const char* function);

}  // namespace penstock::lua
