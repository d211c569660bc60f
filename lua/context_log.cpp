#include "lua/context.h"
#include "lua/interpreter.h"
#include "lua/limits.h"
#include "lua/sandbox.h"

#include <array>
#include <string>

namespace penstock::lua {
namespace {

constexpr std::array<const char*, 4> levels{"debug", "info", "warn", "error"};
constexpr std::string_view cut_mark = " [cut]";

void write_line(lua_State* state, std::string_view level, std::string_view text) {
    Interpreter& interpreter = interpreter_of(state);
    Run* run = interpreter.run;
    std::size_t& lines = run != nullptr ? run->log_lines : interpreter.load_log_lines;
    if (lines >= log_lines_max) {
        if (lines++ == log_lines_max)
            interpreter.host->log(run,
                                  "warn",
                                  run != nullptr ? "further log lines of this message are dropped"
                                                 : "further log lines of loading are dropped");
        return;
    }
    ++lines;
    std::string line(text.substr(0, log_line_bytes_max));
    if (text.size() > log_line_bytes_max) line += cut_mark;
    interpreter.host->log(run, level, line);
}

// Upvalues: level, string.format. A lone text is taken as it is, per cent signs and all.
int log_formatted(lua_State* state) {
    luaL_checkany(state, 1);
    if (lua_gettop(state) > 1) {
        lua_pushvalue(state, lua_upvalueindex(2));
        lua_insert(state, 1);
        lua_call(state, lua_gettop(state) - 1, 1);
    }
    std::size_t length = 0;
    const char* text = luaL_tolstring(state, 1, &length);
    write_line(state, lua_tostring(state, lua_upvalueindex(1)), {text, length});
    return 0;
}

}  // namespace

int print_to_log(lua_State* state) {
    const int count = lua_gettop(state);
    luaL_Buffer line;
    luaL_buffinit(state, &line);
    for (int at = 1; at <= count; ++at) {
        if (at > 1) luaL_addchar(&line, '\t');
        luaL_tolstring(state, at, nullptr);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    std::size_t length = 0;
    const char* text = lua_tolstring(state, -1, &length);
    write_line(state, "info", {text, length});
    return 0;
}

void open_log(lua_State* state) {
    lua_newtable(state);
    lua_getglobal(state, LUA_STRLIBNAME);
    for (const char* level : levels) {
        lua_pushstring(state, level);
        lua_getfield(state, -2, "format");
        lua_pushcclosure(state, &log_formatted, 2);
        lua_setfield(state, -3, level);
    }
    lua_pop(state, 1);
    lock_table(state, "ctx.log");
    lua_setfield(state, -2, "log");
}

}  // namespace penstock::lua
