#include "lua/vm.h"

#include "lua/context.h"
#include "lua/cpu_watch.h"
#include "lua/results.h"
#include "lua/sandbox.h"

#include <array>
#include <string_view>
#include <utility>

namespace penstock::lua {

namespace {

using sinks::worker::Script;

// Collect when the state is four times what lived after the last collection: states are small and
// the cap still makes Lua collect at once.
constexpr int gc_pause_percent = 400;

const char function_key = 0;  // its address is the key in the registry

struct Load {
    const Script& script;
    std::string chunk;
    bool batches = false;
};

std::string name_of(const Script& script) {
    return script.name.empty() ? script.role : script.name;
}

[[noreturn]] void refuse_script(lua_State* state, const Load& load, const char* what) {
    lua_pushfstring(state, "%s:1: %s", load.chunk.c_str() + 1, what);
    lua_error(state);
    __builtin_unreachable();
}

// Pushes the function that messages of the role are given to.
void push_function(lua_State* state, Load& load) {
    const std::string& role = load.script.role;
    const char* wanted = role == "handler" ? "handle" : role.c_str();
    push_script_global(state, wanted);
    if (lua_isfunction(state, -1)) return;
    if (role == "handler") {
        lua_pop(state, 1);
        push_script_global(state, "handle_batch");
        load.batches = lua_isfunction(state, -1);
        if (load.batches) return;
        refuse_script(state, load, "the file defines no function handle(event, ctx)");
    }
    refuse_script(state,
                  load,
                  role == "filter" ? "the file defines no function filter(event)"
                                   : "the file defines no function transform(event)");
}

void call_init(lua_State* state, const Load& load) {
    push_script_global(state, "init");
    if (lua_isfunction(state, -1)) {
        lua_createtable(state, 0, 2);
        lua_pushlstring(state, load.script.role.data(), load.script.role.size());
        lua_setfield(state, -2, "role");
        lua_pushinteger(state, load.script.version);
        lua_setfield(state, -2, "version");
        lua_call(state, 1, 0);
    } else {
        lua_pop(state, 1);
    }
}

// All of the loading, under one protected call.
int load_script(lua_State* state) {
    Load& load = *static_cast<Load*>(lua_touserdata(state, 1));
    lua_settop(state, 0);
    lua_gc(state, LUA_GCSETPAUSE, gc_pause_percent);
    open_sandbox(state);
    const std::string& code = load.script.code;
    const int status = luaL_loadbufferx(state, code.data(), code.size(), load.chunk.c_str(), "t");
    if (status != LUA_OK) return lua_error(state);
    push_environment(state);
    lua_setupvalue(state, -2, 1);
    lua_call(state, 0, 0);
    push_function(state, load);
    lua_rawsetp(state, LUA_REGISTRYINDEX, &function_key);
    call_init(state, load);
    return 0;
}

// A new coroutine and its place in the registry, under a protected call.
int make_thread(lua_State* state) {
    Run& run = *static_cast<Run*>(lua_touserdata(state, 1));
    run.thread = lua_newthread(state);
    run.thread_reference = luaL_ref(state, LUA_REGISTRYINDEX);
    return 0;
}

int after_function(lua_State* state, int, lua_KContext run) {
    take_results(state, *reinterpret_cast<Run*>(run));
    return 0;
}

// The bottom of every run's coroutine.
int run_function(lua_State* state) {
    Run& run = *interpreter_of(state).run;
    lua_rawgetp(state, LUA_REGISTRYINDEX, &function_key);
    if (run.batch) {
        lua_createtable(state, static_cast<int>(run.inputs.size()), 0);
        lua_Integer at = 0;
        for (const Input& input : run.inputs) {
            push_event(state, input.event);
            lua_rawseti(state, -2, ++at);
        }
    } else {
        push_event(state, run.inputs.front().event);
    }
    push_context(state);
    const auto context = reinterpret_cast<lua_KContext>(&run);
    lua_callk(state, 2, LUA_MULTRET, context, &after_function);
    return after_function(state, LUA_OK, context);
}

// What a message adds to the memory cap: its texts, and as much again for the first copy of them.
std::size_t bytes_of(const Run& run) {
    std::size_t bytes = 0;
    for (const Input& input : run.inputs) bytes += 2 * input.event.body.size();
    return bytes;
}

}  // namespace

Vm::Vm(Made, const Limits& limits, Host& host) : interpreter_(limits, host) {}

Vm::~Vm() {
    if (state_ != nullptr) lua_close(state_);
}

Result<std::shared_ptr<Vm>> Vm::load(const Script& script, const Limits& limits, Host& host) {
    if (script.role != "handler" && script.role != "filter" && script.role != "transform")
        return error(Errc::invalid, "there is no role '" + script.role + "'");
    auto vm = std::make_shared<Vm>(Made{}, limits, host);
    const Result<void> opened = vm->open(script);
    if (!opened) return opened.error();
    return vm;
}

Result<void> Vm::open(const Script& script) {
    state_ = lua_newstate(&Heap::allocate, &interpreter_.heap);
    if (state_ == nullptr) return error(Errc::invalid, "no memory for a Lua state");
    *static_cast<Interpreter**>(lua_getextraspace(state_)) = &interpreter_;
    Load load{script, "=" + name_of(script)};
    Budget budget = full_budget(interpreter_.limits);
    interpreter_.budget = &budget;
    watch_instructions(state_);
    CpuWatch::begin(state_, budget.cpu_ns);
    lua_pushcfunction(state_, &load_script);
    lua_pushlightuserdata(state_, &load);
    const int status = lua_pcall(state_, 1, 0, 0);
    CpuWatch::end();
    interpreter_.budget = nullptr;
    if (status == LUA_ERRMEM) budget.breach = Breach::memory;
    if (budget.breach != Breach::none)
        return error(Errc::invalid,
                     name_of(script) + ":1: while loading, " +
                         breach_text(budget.breach, interpreter_.limits));
    if (status != LUA_OK) return error(Errc::invalid, error_text(state_, -1));
    batches_ = load.batches;
    lua_sethook(state_, nullptr, 0, 0);
    collect_garbage();
    used_when_loaded_ = memory_used();
    return {};
}

bool Vm::take_thread(Run& run) {
    if (!idle_.empty()) {
        run.thread = idle_.back().thread;
        run.thread_reference = idle_.back().reference;
        idle_.pop_back();
        return true;
    }
    lua_pushcfunction(state_, &make_thread);
    lua_pushlightuserdata(state_, &run);
    const bool made = lua_pcall(state_, 1, 0, 0) == LUA_OK;
    if (!made) lua_settop(state_, 0);
    return made;
}

Vm::Step Vm::start(Run& run) {
    run.budget = full_budget(interpreter_.limits);
    run.widened = bytes_of(run);
    interpreter_.heap.widen(run.widened);
    ++in_flight_;
    ++uses_;
    if (!take_thread(run)) {
        finish(run, LUA_ERRMEM);
        return Step::finished;
    }
    watch_instructions(run.thread);
    lua_pushcfunction(run.thread, &run_function);
    return go_on(run, 0);
}

Vm::Step Vm::resume(Run& run) {
    run.waiting = false;
    return go_on(run, 0);
}

Vm::Step Vm::go_on(Run& run, int arguments) {
    interpreter_.run = &run;
    interpreter_.budget = &run.budget;
    interpreter_.unyieldable = 0;
    enter_run_globals(state_, run);
    CpuWatch::begin(run.thread, run.budget.cpu_ns);
    int values = 0;
    const int status = lua_resume(run.thread, nullptr, arguments, &values);
    run.budget.cpu_ns -= CpuWatch::end();
    interpreter_.run = nullptr;
    interpreter_.budget = nullptr;
    if (status == LUA_YIELD && run.waiting && run.budget.breach == Breach::none)
        return Step::waiting;
    finish(run, status);
    return Step::finished;
}

void Vm::finish(Run& run, int status) {
    if (status == LUA_ERRMEM && run.budget.breach == Breach::none)
        run.budget.breach = Breach::memory;
    run.unsound = run.budget.breach == Breach::memory;
    Outcome outcome;
    if (run.budget.breach != Breach::none) {
        outcome.kind = Outcome::Kind::tripped;
        const bool placed = run.budget.breach != Breach::memory && status == LUA_ERRRUN;
        outcome.error = placed ? error_text(run.thread, -1)
                               : breach_text(run.budget.breach, interpreter_.limits);
        settle_all(run, outcome);
    } else if (status != LUA_OK) {
        outcome.error = error_text(run.thread, -1);
        settle_all(run, outcome);
    }
    let_go(run, status == LUA_OK && run.budget.breach == Breach::none);
}

void Vm::abandon(Run& run) {
    let_go(run, false);
}

// A coroutine that failed is left to the garbage: closing it would run what the script left behind.
void Vm::let_go(Run& run, bool reusable) {
    luaL_unref(state_, LUA_REGISTRYINDEX, run.globals_reference);
    run.globals_reference = LUA_NOREF;
    if (reusable && idle_.size() < idle_coroutines_max) {
        lua_settop(run.thread, 0);
        idle_.push_back({run.thread, run.thread_reference});
    } else {
        luaL_unref(state_, LUA_REGISTRYINDEX, run.thread_reference);
    }
    run.thread = nullptr;
    run.thread_reference = LUA_NOREF;
    interpreter_.heap.narrow(run.widened);
    run.widened = 0;
    --in_flight_;
}

void Vm::collect_garbage() {
    lua_gc(state_, LUA_GCCOLLECT, 0);
}

bool Vm::is_sound() {
    collect_garbage();
    return memory_used() < (used_when_loaded_ + interpreter_.limits.memory_bytes) / 2;
}

}  // namespace penstock::lua
