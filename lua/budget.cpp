#include "lua/budget.h"

#include "lua/cpu_watch.h"
#include "lua/interpreter.h"

namespace penstock::lua {
namespace {

// `level`: 0 the function that runs, 1 the one that called into C.
[[noreturn]] void raise(lua_State* state, Breach breach, int level) {
    luaL_where(state, level);
    const std::string text = breach_text(breach, interpreter_of(state).limits);
    lua_pushlstring(state, text.data(), text.size());
    lua_concat(state, 2);
    lua_error(state);
    __builtin_unreachable();
}

}  // namespace

Budget full_budget(const Limits& limits) {
    return {limits.instructions, limits.cpu_ms * 1'000'000, Breach::none};
}

std::string breach_text(Breach breach, const Limits& limits) {
    switch (breach) {
        case Breach::none:
            return "no budget is broken";
        case Breach::instructions:
            return "the budget of " + std::to_string(limits.instructions) +
                   " instructions is used up";
        case Breach::time:
            return "the budget of " + std::to_string(limits.cpu_ms) +
                   " ms processor time is used up";
        case Breach::memory:
            return "the memory budget of " + std::to_string(limits.memory_bytes >> 20U) +
                   " MiB is used up";
    }
    return {};
}

void budget_hook(lua_State* state, lua_Debug*) {
    Interpreter& interpreter = interpreter_of(state);
    if (interpreter.budget == nullptr) return;
    Budget& budget = *interpreter.budget;
    if (budget.breach == Breach::none) {
        budget.instructions -= hook_instructions;
        if (CpuWatch::expired()) {
            budget.breach = Breach::time;
        } else if (budget.instructions < 0) {
            budget.breach = Breach::instructions;
        } else {
            interpreter.host->breathe();
            return;
        }
    }
    lua_sethook(state, &budget_hook, LUA_MASKCOUNT, 1);
    raise(state, budget.breach, 0);
}

void watch_instructions(lua_State* state) {
    lua_sethook(state, &budget_hook, LUA_MASKCOUNT, hook_instructions);
}

void charge(lua_State* state, std::size_t work) {
    Interpreter& interpreter = interpreter_of(state);
    if (interpreter.budget == nullptr) return;
    Budget& budget = *interpreter.budget;
    budget.instructions -= static_cast<std::int64_t>(work);
    if (budget.breach == Breach::none) {
        if (CpuWatch::expired()) {
            budget.breach = Breach::time;
        } else if (budget.instructions < 0) {
            budget.breach = Breach::instructions;
        } else {
            return;
        }
    }
    lua_sethook(state, &budget_hook, LUA_MASKCOUNT, 1);
    raise(state, budget.breach, 1);
}

bool is_broken(lua_State* state) {
    const Budget* budget = interpreter_of(state).budget;
    return budget != nullptr && budget->breach != Breach::none;
}

void rethrow_breach(lua_State* state, int status) {
    Budget* budget = interpreter_of(state).budget;
    if (budget == nullptr) return;
    if (status == LUA_ERRMEM && budget->breach == Breach::none) budget->breach = Breach::memory;
    if (budget->breach == Breach::none) return;
    lua_sethook(state, &budget_hook, LUA_MASKCOUNT, 1);
    lua_error(state);
}

}  // namespace penstock::lua
