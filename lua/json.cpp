#include "lua/json.h"

#include "lua/budget.h"
#include "lua/json_marks.h"
#include "lua/sandbox.h"

namespace penstock::lua {
namespace {

const char array_metatable_key = 0;  // its address is the key in the registry

int decode(lua_State* state) {
    std::size_t length = 0;
    const char* text = luaL_checklstring(state, 1, &length);
    push_json(state, {text, length}, "json.decode: the text");
    return 1;
}

int encode(lua_State* state) {
    luaL_checkany(state, 1);
    lua_settop(state, 1);
    std::string text;
    append_json(state, text, "json.encode");
    lua_pushlstring(state, text.data(), text.size());
    return 1;
}

// json.array(t): t, which is an array from now on even when it is empty.
int array(lua_State* state) {
    if (lua_isnoneornil(state, 1)) {
        lua_settop(state, 0);
        lua_newtable(state);
    }
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_settop(state, 1);
    if (lua_getmetatable(state, 1) != 0) {
        lua_pop(state, 1);
        if (!is_marked_array(state, 1))
            return luaL_error(state, "json.array: the table has a metatable already");
    }
    mark_array(state);
    return 1;
}

int null_text(lua_State* state) {
    lua_pushliteral(state, "null");
    return 1;
}

}  // namespace

void mark_array(lua_State* state) {
    lua_rawgetp(state, LUA_REGISTRYINDEX, &array_metatable_key);
    lua_setmetatable(state, -2);
}

bool is_marked_array(lua_State* state, int at) {
    if (lua_getmetatable(state, at) == 0) return false;
    lua_rawgetp(state, LUA_REGISTRYINDEX, &array_metatable_key);
    const bool marked = lua_rawequal(state, -1, -2) != 0;
    lua_pop(state, 2);
    return marked;
}

void push_null(lua_State* state) {
    lua_pushlightuserdata(state, nullptr);
}

void open_json(lua_State* state) {
    lua_createtable(state, 0, 1);
    protect_metatable(state);
    lua_rawsetp(state, LUA_REGISTRYINDEX, &array_metatable_key);
    push_null(state);
    lua_createtable(state, 0, 2);
    lua_pushcfunction(state, &null_text);
    lua_setfield(state, -2, "__tostring");
    protect_metatable(state);
    lua_setmetatable(state, -2);  // of all light userdata
    lua_pop(state, 1);

    static constexpr luaL_Reg functions[] = {
        {"decode", &decode}, {"encode", &encode}, {"array", &array}, {nullptr, nullptr}};
    lua_newtable(state);
    luaL_setfuncs(state, static_cast<const luaL_Reg*>(functions), 0);
    push_null(state);
    lua_setfield(state, -2, "null");
}

}  // namespace penstock::lua
