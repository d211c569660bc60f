// What a function is given: the event and ctx. Publishes and kv writes are only noted in the Run;
// http and kv reads become its Request and wait for the server. Runs inside Lua: fails by Lua
// errors whose text says what to do instead; one thread.
#pragma once

#include "lua/run.h"

#include <lua.hpp>

namespace penstock::lua {

// Makes what the others need in a new state.
void open_context(lua_State* state);

// Pushes the event as the table that scripts see.
void push_event(lua_State* state, const sinks::worker::Event& event);

// Pushes ctx for the run at hand.
void push_context(lua_State* state);

// print: a log line of level info.
int print_to_log(lua_State* state);

// The value that ctx.retry, ctx.dead or ctx.drop gave is at `at`.
bool is_verdict(lua_State* state, int at);

// Parts of ctx, each into the table on the stack's top.
void open_log(lua_State* state);
void open_publish(lua_State* state);
void open_kv(lua_State* state);
void open_http(lua_State* state);

// The run at hand; an error while a script is being loaded, or for a filter or transform, whose
// effects would have nothing to commit with.
Run& run_with_effects(lua_State* state, const char* function);

}  // namespace penstock::lua
