#include "lua/sandbox.h"

#include "lua/context.h"
#include "lua/coroutine_library.h"
#include "lua/interpreter.h"
#include "lua/json.h"
#include "lua/string_library.h"
#include "lua/table_library.h"

#include <algorithm>
#include <array>

namespace penstock::lua {
namespace {

// Their addresses are keys in the registry.
const char environment_key = 0;
const char environment_metatable_key = 0;
const char script_globals_key = 0;
const char run_globals_metatable_key = 0;
const char locked_key = 0;  // and in the metatables of locked tables

constexpr std::array<const char*, 13> base_functions{"assert",
                                                     "error",
                                                     "getmetatable",
                                                     "ipairs",
                                                     "next",
                                                     "pairs",
                                                     "rawequal",
                                                     "rawget",
                                                     "rawlen",
                                                     "select",
                                                     "tonumber",
                                                     "tostring",
                                                     "type"};
constexpr std::array<const char*, 5> whole_libraries{
    LUA_COLIBNAME, LUA_MATHLIBNAME, LUA_STRLIBNAME, LUA_TABLIBNAME, LUA_UTF8LIBNAME};
constexpr std::array<const char*, 3> clock_functions{"clock", "date", "time"};

int refuse_write(lua_State* state) {
    return luaL_error(state, "'%s' is read-only", lua_tostring(state, lua_upvalueindex(1)));
}

bool is_locked(lua_State* state, int at) {
    if (lua_getmetatable(state, at) == 0) return false;
    const bool locked = lua_rawgetp(state, -1, &locked_key) != LUA_TNIL;
    lua_pop(state, 2);
    return locked;
}

int set_metatable(lua_State* state) {
    const int type = lua_type(state, 2);
    luaL_checktype(state, 1, LUA_TTABLE);
    luaL_argexpected(state, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(state, 1, "__metatable") != LUA_TNIL)
        return luaL_error(state, "cannot change a protected metatable");
    if (type == LUA_TTABLE) {
        lua_pushliteral(state, "__gc");
        if (lua_rawget(state, 2) != LUA_TNIL)
            return luaL_error(state, "setmetatable: __gc is not available to scripts");
    }
    lua_settop(state, 2);
    lua_setmetatable(state, 1);
    return 1;
}

int raw_set(lua_State* state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    luaL_checkany(state, 2);
    luaL_checkany(state, 3);
    lua_settop(state, 3);
    if (is_locked(state, 1)) return luaL_error(state, "rawset: the table is read-only");
    lua_rawset(state, 1);
    return 1;
}

// The first global that a run writes makes its own table of them.
int first_write(lua_State* state) {
    Interpreter& interpreter = interpreter_of(state);
    if (interpreter.run == nullptr) return luaL_error(state, "no message is being handled");
    lua_createtable(state, 0, 4);
    lua_rawgetp(state, LUA_REGISTRYINDEX, &run_globals_metatable_key);
    lua_setmetatable(state, -2);
    lua_insert(state, 2);
    lua_rawset(state, 2);
    interpreter.run->globals_reference = luaL_ref(state, LUA_REGISTRYINDEX);
    enter_run_globals(state, *interpreter.run);
    return 0;
}

void copy_fields(lua_State* state, const char* const* names, std::size_t count) {
    for (std::size_t at = 0; at < count; ++at) {
        lua_getfield(state, -2, names[at]);
        lua_setfield(state, -2, names[at]);
    }
}

void lock_string_metatable(lua_State* state) {
    lua_pushliteral(state, "");
    lua_getmetatable(state, -1);
    protect_metatable(state);
    lua_pop(state, 2);
}

// Opens the libraries into the state's own table of globals, which no script ever sees.
void open_libraries(lua_State* state) {
    static constexpr luaL_Reg libraries[] = {{LUA_GNAME, &luaopen_base},
                                             {LUA_COLIBNAME, &luaopen_coroutine},
                                             {LUA_MATHLIBNAME, &luaopen_math},
                                             {LUA_OSLIBNAME, &luaopen_os},
                                             {LUA_STRLIBNAME, &luaopen_string},
                                             {LUA_TABLIBNAME, &luaopen_table},
                                             {LUA_UTF8LIBNAME, &luaopen_utf8}};
    for (const luaL_Reg& library : libraries) {
        luaL_requiref(state, library.name, library.func, 1);
        lua_pop(state, 1);
    }
    lua_getglobal(state, LUA_STRLIBNAME);
    replace_string_functions(state);
    lua_getglobal(state, LUA_TABLIBNAME);
    replace_table_functions(state);
    lua_getglobal(state, LUA_COLIBNAME);
    replace_coroutine_functions(state);
    lua_pop(state, 3);
    lock_string_metatable(state);
}

// Leaves the table of names every script finds on the stack.
void push_base(lua_State* state) {
    lua_pushglobaltable(state);
    lua_createtable(state, 0, 32);
    copy_fields(state, base_functions.data(), base_functions.size());
    for (const char* name : whole_libraries) {
        lua_getfield(state, -2, name);
        lock_table(state, name);
        lua_setfield(state, -2, name);
    }
    lua_getfield(state, -2, LUA_OSLIBNAME);
    lua_createtable(state, 0, 3);
    copy_fields(state, clock_functions.data(), clock_functions.size());
    lock_table(state, LUA_OSLIBNAME);
    lua_setfield(state, -3, LUA_OSLIBNAME);
    lua_pop(state, 1);
    open_json(state);
    lock_table(state, "json");
    lua_setfield(state, -2, "json");
    static constexpr luaL_Reg own[] = {{"print", &print_to_log},
                                       {"rawset", &raw_set},
                                       {"setmetatable", &set_metatable},
                                       {nullptr, nullptr}};
    luaL_setfuncs(state, static_cast<const luaL_Reg*>(own), 0);
    replace_protected_calls(state);
    lua_pushliteral(state, LUA_VERSION);
    lua_setfield(state, -2, "_VERSION");
    lua_remove(state, -2);
}

}  // namespace

void protect_metatable(lua_State* state) {
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
}

void lock_table(lua_State* state, const char* name) {
    lua_newtable(state);
    lua_createtable(state, 0, 5);
    lua_pushvalue(state, -3);
    lua_setfield(state, -2, "__index");
    lua_pushstring(state, name);
    lua_pushcclosure(state, &refuse_write, 1);
    lua_setfield(state, -2, "__newindex");
    lua_pushboolean(state, 1);
    lua_rawsetp(state, -2, &locked_key);
    protect_metatable(state);
    lua_setmetatable(state, -2);
    lua_remove(state, -2);
}

void open_sandbox(lua_State* state) {
    open_libraries(state);
    lua_newtable(state);  // the script's globals, which fall back to the base
    lua_createtable(state, 0, 1);
    push_base(state);

    lua_newtable(state);  // _ENV
    lua_pushvalue(state, -1);
    lua_setfield(state, -3, "_G");
    lua_createtable(state, 0, 4);
    lua_pushboolean(state, 1);
    lua_rawsetp(state, -2, &locked_key);
    protect_metatable(state);
    lua_pushvalue(state, -1);
    lua_rawsetp(state, LUA_REGISTRYINDEX, &environment_metatable_key);
    lua_setmetatable(state, -2);
    lua_rawsetp(state, LUA_REGISTRYINDEX, &environment_key);

    lua_setfield(state, -2, "__index");  // base
    lua_setmetatable(state, -2);
    lua_pushvalue(state, -1);
    lua_rawsetp(state, LUA_REGISTRYINDEX, &script_globals_key);
    lua_createtable(state, 0, 1);
    lua_insert(state, -2);
    lua_setfield(state, -2, "__index");
    lua_rawsetp(state, LUA_REGISTRYINDEX, &run_globals_metatable_key);
    write_script_globals(state);
    open_context(state);
}

void push_environment(lua_State* state) {
    lua_rawgetp(state, LUA_REGISTRYINDEX, &environment_key);
}

void push_script_global(lua_State* state, const char* name) {
    lua_rawgetp(state, LUA_REGISTRYINDEX, &script_globals_key);
    lua_pushstring(state, name);
    lua_rawget(state, -2);
    lua_remove(state, -2);
}

void write_script_globals(lua_State* state) {
    lua_rawgetp(state, LUA_REGISTRYINDEX, &environment_metatable_key);
    lua_rawgetp(state, LUA_REGISTRYINDEX, &script_globals_key);
    lua_pushvalue(state, -1);
    lua_setfield(state, -3, "__index");
    lua_setfield(state, -2, "__newindex");
    lua_pop(state, 1);
}

void enter_run_globals(lua_State* state, const Run& run) {
    lua_rawgetp(state, LUA_REGISTRYINDEX, &environment_metatable_key);
    if (run.globals_reference == LUA_NOREF) {
        lua_rawgetp(state, LUA_REGISTRYINDEX, &script_globals_key);
        lua_pushcfunction(state, &first_write);
    } else {
        lua_rawgeti(state, LUA_REGISTRYINDEX, run.globals_reference);
        lua_pushvalue(state, -1);
    }
    lua_setfield(state, -3, "__newindex");
    lua_setfield(state, -2, "__index");
    lua_pop(state, 1);
}

std::vector<std::string> sandbox_names() {
    std::vector<std::string> names{
        "_G", "_VERSION", "json", "os", "pcall", "print", "rawset", "setmetatable", "xpcall"};
    names.insert(names.end(), base_functions.begin(), base_functions.end());
    names.insert(names.end(), whole_libraries.begin(), whole_libraries.end());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace penstock::lua
