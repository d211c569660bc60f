// Budget: what is left to one run of a script, and the sticky mark of a run that has used it up:
// from then on every instruction and every way to catch errors raises the same error again. A value
// in its Run; bindings reach it through the Interpreter. One thread.
#pragma once

#include "lua/limits.h"

#include <lua.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace penstock::lua {

enum class Breach : std::uint8_t { none, instructions, time, memory };

struct Budget {
    std::int64_t instructions = 0;  // left
    std::int64_t cpu_ns = 0;        // left
    Breach breach = Breach::none;
};

Budget full_budget(const Limits& limits);

// One sentence for the user.
std::string breach_text(Breach breach, const Limits& limits);

// The count hook of every coroutine; also what CpuWatch installs.
void budget_hook(lua_State* state, lua_Debug* activation);

// Sets the hook of a thread about to run.
void watch_instructions(lua_State* state);

// Work done in C, counted as instructions. Raises the breach.
void charge(lua_State* state, std::size_t work);

// Marks the run as broken if `status` says that memory is used up, and raises again what is on the
// stack's top if the run is broken: nothing catches it.
void rethrow_breach(lua_State* state, int status);

bool is_broken(lua_State* state);

}  // namespace penstock::lua
