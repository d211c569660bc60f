#include "lua/arguments.h"

#include <algorithm>
#include <cmath>

namespace penstock::lua {
namespace {

constexpr double seconds_max = 1e9;  // beyond it, a mistake

std::string joined(std::initializer_list<std::string_view> names) {
    std::string text;
    for (const std::string_view name : names) {
        if (!text.empty()) text += ", ";
        text += name;
    }
    return text;
}

}  // namespace

Options::Options(lua_State* state,
                 int at,
                 const char* function,
                 std::initializer_list<std::string_view> known)
    : state_(state), at_(at), function_(function) {
    if (lua_isnoneornil(state, at)) {
        at_ = 0;
        return;
    }
    if (lua_istable(state, at) == 0)
        luaL_error(
            state, "%s: the options must be a table, not a %s", function, luaL_typename(state, at));
    luaL_checkstack(state, 4, "options");
    for (lua_pushnil(state); lua_next(state, at) != 0; lua_pop(state, 1)) {
        const bool text = lua_type(state, -2) == LUA_TSTRING;
        const std::string_view key = text ? lua_tostring(state, -2) : "[...]";
        if (std::find(known.begin(), known.end(), key) == known.end())
            luaL_error(state,
                       "%s: unknown option '%s'; known are %s",
                       function,
                       key.data(),
                       joined(known).c_str());
    }
}

bool Options::push(const char* name) {
    if (at_ == 0) return false;
    lua_pushstring(state_, name);
    if (lua_rawget(state_, at_) != LUA_TNIL) return true;
    lua_pop(state_, 1);
    return false;
}

std::optional<std::string> Options::text(const char* name) {
    if (!push(name)) return std::nullopt;
    std::string found = text_or_number(state_, lua_gettop(state_), function_, name);
    lua_pop(state_, 1);
    return found;
}

std::uint64_t Options::milliseconds(const char* name) {
    if (!push(name)) return 0;
    const double seconds = lua_tonumber(state_, -1);
    if (lua_isnumber(state_, -1) == 0 || !(seconds >= 0 && seconds <= seconds_max))
        refuse(name, "must be a number of seconds from 0 on");
    lua_pop(state_, 1);
    return static_cast<std::uint64_t>(std::llround(seconds * 1000));
}

std::uint64_t Options::count(const char* name, std::uint64_t absent) {
    if (!push(name)) return absent;
    int whole = 0;
    const lua_Integer number = lua_tointegerx(state_, -1, &whole);
    if (whole == 0 || number < 0) refuse(name, "must be a whole number from 0 on");
    lua_pop(state_, 1);
    return static_cast<std::uint64_t>(number);
}

void Options::refuse(const char* name, const char* what) {
    luaL_error(state_, "%s: %s %s", function_, name, what);
    __builtin_unreachable();
}

std::string text_or_number(lua_State* state, int at, const char* function, const char* name) {
    const int type = lua_type(state, at);
    if (type == LUA_TTABLE)
        luaL_error(
            state, "%s: %s must be a text, not a table; use json.encode(...)", function, name);
    if (type != LUA_TSTRING && type != LUA_TNUMBER)
        luaL_error(
            state, "%s: %s must be a text, not a %s", function, name, lua_typename(state, type));
    std::size_t length = 0;
    const char* text = luaL_tolstring(state, at, &length);
    std::string copy(text, length);
    lua_pop(state, 1);
    return copy;
}

void check_method(lua_State* state, const char* object, const char* method) {
    if (lua_istable(state, 1) == 0)
        luaL_error(state, "call %s:%s(...) with a colon", object, method);
}

}  // namespace penstock::lua
