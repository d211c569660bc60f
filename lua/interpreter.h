// Interpreter: what every binding can reach from a lua_State: its memory, the budget and the run at
// hand, the world outside. One a Lua state, owned by its Vm; one thread.
#pragma once

#include "lua/budget.h"
#include "lua/heap.h"
#include "lua/limits.h"

#include <lua.hpp>

#include <cstdint>
#include <string_view>

namespace penstock::lua {

struct Run;

// What a script can reach of the world at once. Implemented by the worker and by the dry run.
class Host {
  public:
    virtual ~Host() = default;

    // `run` is null while a script is being loaded.
    virtual void log(const Run* run, std::string_view level, std::string_view text) = 0;

    // Called now and then while a script runs long: what is ready to go out may go.
    virtual void breathe() = 0;

    [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
};

struct Interpreter {
    Interpreter(const Limits& its_limits, Host& its_host)
        : limits(its_limits), heap(its_limits.memory_bytes), host(&its_host) {}

    Limits limits;
    Heap heap;
    Host* host;
    Budget* budget = nullptr;  // of what runs now
    Run* run = nullptr;        // null while a script is being loaded
    int unyieldable = 0;       // coroutines below that cannot be left, so that no call can wait
    // Written while the script was loaded.
    std::size_t load_log_lines = 0;
};

inline Interpreter& interpreter_of(lua_State* state) {
    return **static_cast<Interpreter**>(lua_getextraspace(state));
}

}  // namespace penstock::lua
