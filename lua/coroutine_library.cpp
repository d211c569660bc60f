#include "lua/coroutine_library.h"

#include "lua/budget.h"
#include "lua/cpu_watch.h"
#include "lua/interpreter.h"
#include "lua/run.h"

namespace penstock::lua {
namespace {

constexpr std::size_t switch_work = 20;   // instructions that a switch of coroutines counts as
constexpr std::size_t create_work = 200;  // and a new one

// ---- pcall, xpcall -----------------------------------------------------------------------------

// `skipped`: values at the stack's bottom that are not results.
int finish_protected(lua_State* state, int status, lua_KContext skipped) {
    const bool failed = status != LUA_OK && status != LUA_YIELD;
    if (failed || is_broken(state)) rethrow_breach(state, status);
    if (!failed) return lua_gettop(state) - static_cast<int>(skipped);
    lua_pushboolean(state, 0);
    lua_insert(state, -2);
    return 2;
}

int protected_call(lua_State* state) {
    luaL_checkany(state, 1);
    lua_pushboolean(state, 1);
    lua_insert(state, 1);
    const int status =
        lua_pcallk(state, lua_gettop(state) - 2, LUA_MULTRET, 0, 0, &finish_protected);
    return finish_protected(state, status, 0);
}

// A script's message handler is asked only while the budget holds: a handler called from within the
// hook would run without any hook.
int guarded_handler(lua_State* state) {
    if (is_broken(state)) return 1;
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, lua_gettop(state) - 1, 1);
    return 1;
}

int protected_call_with_handler(lua_State* state) {
    const int arguments = lua_gettop(state) - 2;
    luaL_checktype(state, 2, LUA_TFUNCTION);
    lua_pushvalue(state, 2);
    lua_pushcclosure(state, &guarded_handler, 1);
    lua_replace(state, 2);
    lua_pushboolean(state, 1);
    lua_pushvalue(state, 1);
    lua_rotate(state, 3, 2);
    const int status = lua_pcallk(state, arguments, LUA_MULTRET, 2, 2, &finish_protected);
    return finish_protected(state, status, 2);
}

// ---- coroutines --------------------------------------------------------------------------------

lua_State* coroutine_argument(lua_State* state, int at) {
    lua_State* coroutine = lua_tothread(state, at);
    luaL_argexpected(state, coroutine != nullptr, at, "coroutine");
    return coroutine;
}

bool resumable(lua_State* coroutine, int arguments) {
    if (lua_status(coroutine) == LUA_YIELD) return true;
    // Fresh: a function and nothing else; finished: nothing at all.
    return lua_status(coroutine) == LUA_OK && lua_gettop(coroutine) > 0 &&
           lua_checkstack(coroutine, arguments) != 0;
}

int leave_for_host(lua_State* state, lua_State* coroutine, int values);

// Marks a level that cannot be left while `state` runs a coroutine from there.
class Level {
  public:
    explicit Level(lua_State* state)
        : interpreter_(interpreter_of(state)), closed_(lua_isyieldable(state) == 0 ? 1 : 0) {
        interpreter_.unyieldable += closed_;
    }

    ~Level() { interpreter_.unyieldable -= closed_; }

    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

  private:
    Interpreter& interpreter_;
    int closed_;
};

struct Resumed {
    int status;
    int values;  // on the coroutine's stack
};

bool failed(const Resumed& resumed) {
    return resumed.status != LUA_OK && resumed.status != LUA_YIELD;
}

// What failed keeps its error on the coroutine's stack.
Resumed resume_with(lua_State* state, lua_State* coroutine, int arguments) {
    charge(state, switch_work);
    Resumed resumed{LUA_OK, 0};
    {
        const Level level(state);
        const CpuWatch::Switch running(coroutine);
        resumed.status = lua_resume(coroutine, state, arguments, &resumed.values);
    }
    if (resumed.status == LUA_ERRMEM || (failed(resumed) && is_broken(state))) {
        lua_xmove(coroutine, state, 1);  // the error
        rethrow_breach(state, resumed.status);
    } else if (is_broken(state)) {
        lua_pushliteral(state, "the budget is used up");
        rethrow_breach(state, LUA_OK);
    }
    return resumed;
}

void move_values(lua_State* state, lua_State* coroutine, int values) {
    if (lua_checkstack(state, values + 1) == 0) {
        lua_pop(coroutine, values);
        luaL_error(state, "too many results to resume");
    }
    lua_xmove(coroutine, state, values);
}

bool waits_for_host(lua_State* state) {
    const Run* run = interpreter_of(state).run;
    return run != nullptr && run->waiting;
}

// After a resume in `coroutine.resume`: index 1 is the coroutine.
int finish_resume(lua_State* state, lua_State* coroutine, Resumed resumed) {
    if (resumed.status == LUA_YIELD && waits_for_host(state))
        return leave_for_host(state, coroutine, resumed.values);
    if (failed(resumed)) {
        lua_pushboolean(state, 0);
        lua_xmove(coroutine, state, 1);
        return 2;
    }
    lua_settop(state, 1);
    lua_pushboolean(state, 1);
    move_values(state, coroutine, resumed.values);
    return resumed.values + 1;
}

int after_host(lua_State* state, int, lua_KContext) {
    lua_State* coroutine = lua_tothread(state, 1);
    lua_settop(state, 1);
    return finish_resume(state, coroutine, resume_with(state, coroutine, 0));
}

int leave_for_host(lua_State* state, lua_State* coroutine, int values) {
    lua_pop(coroutine, values);
    lua_settop(state, 1);
    return lua_yieldk(state, 0, 0, &after_host);
}

int coroutine_resume(lua_State* state) {
    lua_State* coroutine = coroutine_argument(state, 1);
    const int arguments = lua_gettop(state) - 1;
    if (coroutine == state || !resumable(coroutine, arguments)) {
        const bool dead = coroutine != state && lua_status(coroutine) != LUA_YIELD;
        lua_pushboolean(state, 0);
        lua_pushstring(
            state, dead ? "cannot resume dead coroutine" : "cannot resume non-suspended coroutine");
        return 2;
    }
    lua_xmove(state, coroutine, arguments);
    return finish_resume(state, coroutine, resume_with(state, coroutine, arguments));
}

int coroutine_create(lua_State* state) {
    luaL_checktype(state, 1, LUA_TFUNCTION);
    charge(state, create_work);
    lua_State* coroutine = lua_newthread(state);
    lua_pushvalue(state, 1);
    lua_xmove(state, coroutine, 1);
    watch_instructions(coroutine);
    return 1;
}

// ---- wrap: the function is a closure with the coroutine as its upvalue
// ---------------------------

int finish_wrapped(lua_State* state, lua_State* coroutine, Resumed resumed);

int wrapped_after_host(lua_State* state, int, lua_KContext) {
    lua_State* coroutine = lua_tothread(state, lua_upvalueindex(1));
    lua_settop(state, 0);
    return finish_wrapped(state, coroutine, resume_with(state, coroutine, 0));
}

int finish_wrapped(lua_State* state, lua_State* coroutine, Resumed resumed) {
    if (resumed.status == LUA_YIELD && waits_for_host(state)) {
        lua_pop(coroutine, resumed.values);
        return lua_yieldk(state, 0, 0, &wrapped_after_host);
    }
    if (failed(resumed)) {
        {
            const CpuWatch::Switch running(coroutine);
            resumed.status = lua_resetthread(coroutine);
        }
        lua_xmove(coroutine, state, 1);
        rethrow_breach(state, resumed.status);
        if (lua_type(state, -1) == LUA_TSTRING) {
            luaL_where(state, 1);
            lua_insert(state, -2);
            lua_concat(state, 2);
        }
        return lua_error(state);
    }
    lua_settop(state, 0);
    move_values(state, coroutine, resumed.values);
    return resumed.values;
}

int call_wrapped(lua_State* state) {
    lua_State* coroutine = lua_tothread(state, lua_upvalueindex(1));
    const int arguments = lua_gettop(state);
    if (coroutine == state) return luaL_error(state, "cannot resume non-suspended coroutine");
    if (!resumable(coroutine, arguments)) return luaL_error(state, "cannot resume dead coroutine");
    lua_xmove(state, coroutine, arguments);
    return finish_wrapped(state, coroutine, resume_with(state, coroutine, arguments));
}

int coroutine_wrap(lua_State* state) {
    coroutine_create(state);
    lua_pushcclosure(state, &call_wrapped, 1);
    return 1;
}

int coroutine_yield(lua_State* state) {
    const Run* run = interpreter_of(state).run;
    if (run != nullptr && run->thread == state)
        return luaL_error(state, "attempt to yield from outside a coroutine");
    return lua_yield(state, lua_gettop(state));
}

int coroutine_close(lua_State* state) {
    lua_State* coroutine = coroutine_argument(state, 1);
    const bool suspended = lua_status(coroutine) == LUA_YIELD;
    lua_Debug activation{};
    const bool active = !suspended && lua_getstack(coroutine, 0, &activation) != 0;
    if (coroutine == state || (active && lua_status(coroutine) == LUA_OK))
        return luaL_error(state, "cannot close a running coroutine");
    int status = LUA_OK;
    {
        const CpuWatch::Switch running(coroutine);
        status = lua_resetthread(coroutine);
    }
    if (status == LUA_OK && !is_broken(state)) {
        lua_pushboolean(state, 1);
        return 1;
    }
    lua_pushboolean(state, 0);
    lua_xmove(coroutine, state, status == LUA_OK ? 0 : 1);
    if (status == LUA_OK) lua_pushliteral(state, "the budget is used up");
    rethrow_breach(state, status);
    return 2;
}

}  // namespace

void replace_protected_calls(lua_State* state) {
    static constexpr luaL_Reg functions[] = {
        {"pcall", &protected_call}, {"xpcall", &protected_call_with_handler}, {nullptr, nullptr}};
    luaL_setfuncs(state, static_cast<const luaL_Reg*>(functions), 0);
}

void replace_coroutine_functions(lua_State* state) {
    static constexpr luaL_Reg functions[] = {{"create", &coroutine_create},
                                             {"resume", &coroutine_resume},
                                             {"wrap", &coroutine_wrap},
                                             {"yield", &coroutine_yield},
                                             {"close", &coroutine_close},
                                             {nullptr, nullptr}};
    luaL_setfuncs(state, static_cast<const luaL_Reg*>(functions), 0);
}

int wait_for_host(lua_State* state, lua_KFunction continuation, const char* function) {
    Interpreter& interpreter = interpreter_of(state);
    if (interpreter.unyieldable > 0 || lua_isyieldable(state) == 0)
        return luaL_error(state,
                          "%s cannot wait here: not within table.sort, string.gsub or a "
                          "metamethod",
                          function);
    interpreter.run->waiting = true;
    return lua_yieldk(state, 0, 0, continuation);
}

}  // namespace penstock::lua
