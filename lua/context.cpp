#include "lua/context.h"

#include "broker/base/instant.h"
#include "lua/arguments.h"
#include "lua/interpreter.h"
#include "lua/json.h"
#include "lua/limits.h"
#include "lua/sandbox.h"

#include <algorithm>
#include <limits>

namespace penstock::lua {
namespace {

// Their addresses are keys in the registry and, of verdicts, the values that scripts return.
const char event_metatable_key = 0;
const char context_metatable_key = 0;
const char decoded_key = 0;
const char retry_mark = 0;
const char dead_mark = 0;
const char drop_mark = 0;

const void* address(const char& mark) {
    return &mark;
}

Run& run_at_hand(lua_State* state, const char* function) {
    Run* run = interpreter_of(state).run;
    if (run == nullptr) luaL_error(state, "%s needs a message to be handled", function);
    return *run;
}

int give_verdict(lua_State* state, Verdict verdict, const char& mark) {
    interpreter_of(state).run->verdict = verdict;
    lua_pushlightuserdata(state, const_cast<char*>(&mark));
    return 1;
}

// As long as an error may be: a body given as the reason must not become a frame of its size.
std::string cut_reason(std::string reason) {
    if (reason.size() > error_bytes_max) reason.resize(error_bytes_max);
    return reason;
}

int retry(lua_State* state) {
    Run& run = run_at_hand(state, "ctx.retry");
    Options options(state, 1, "ctx.retry", {"after", "reason"});
    constexpr std::uint64_t longest = std::numeric_limits<std::uint32_t>::max();
    run.retry_after_ms =
        static_cast<std::uint32_t>(std::min(options.milliseconds("after"), longest));
    run.reason = cut_reason(options.text("reason").value_or("the handler asked for a retry"));
    return give_verdict(state, Verdict::retry, retry_mark);
}

int dead(lua_State* state) {
    Run& run = run_at_hand(state, "ctx.dead");
    run.reason = lua_isnoneornil(state, 1)
                     ? "the handler gave the message up"
                     : cut_reason(text_or_number(state, 1, "ctx.dead", "the reason"));
    return give_verdict(state, Verdict::dead, dead_mark);
}

int drop(lua_State* state) {
    run_at_hand(state, "ctx.drop");
    return give_verdict(state, Verdict::drop, drop_mark);
}

int now(lua_State* state) {
    lua_pushinteger(state, interpreter_of(state).host->wall_ms());
    return 1;
}

// event:json(): the body as a value, decoded once. Kept beside the event under a weak key.
int event_json(lua_State* state) {
    check_method(state, "event", "json");
    lua_settop(state, 1);
    lua_rawgetp(state, LUA_REGISTRYINDEX, &decoded_key);
    lua_pushvalue(state, 1);
    if (lua_rawget(state, 2) != LUA_TNIL) return 1;
    lua_pushliteral(state, "body");
    if (lua_rawget(state, 1) != LUA_TSTRING)
        return luaL_error(state, "event:json() needs event.body to be a text");
    std::size_t length = 0;
    const char* body = lua_tolstring(state, -1, &length);
    push_json(state, {body, length}, "event.body");
    lua_pushvalue(state, 1);
    lua_pushvalue(state, -2);
    lua_rawset(state, 2);
    return 1;
}

void set_text(lua_State* state, const char* name, const std::string& text) {
    lua_pushlstring(state, text.data(), text.size());
    lua_setfield(state, -2, name);
}

void set_number(lua_State* state, const char* name, std::int64_t number) {
    lua_pushinteger(state, number);
    lua_setfield(state, -2, name);
}

// A metatable with these methods, into the registry.
void open_methods(lua_State* state, const char& key) {
    lua_createtable(state, 0, 2);
    lua_insert(state, -2);
    lua_setfield(state, -2, "__index");
    protect_metatable(state);
    lua_rawsetp(state, LUA_REGISTRYINDEX, &key);
}

}  // namespace

Run& run_with_effects(lua_State* state, const char* function) {
    Run& run = run_at_hand(state, function);
    if (run.role != "handler")
        luaL_error(state, "%s is for handlers, not for a %s", function, run.role.c_str());
    return run;
}

bool is_verdict(lua_State* state, int at) {
    if (lua_islightuserdata(state, at) == 0) return false;
    const void* mark = lua_touserdata(state, at);
    return mark == address(retry_mark) || mark == address(dead_mark) || mark == address(drop_mark);
}

void open_context(lua_State* state) {
    lua_newtable(state);
    lua_pushcfunction(state, &event_json);
    lua_setfield(state, -2, "json");
    open_methods(state, event_metatable_key);

    lua_newtable(state);  // decoded bodies by event
    lua_createtable(state, 0, 1);
    lua_pushliteral(state, "k");
    lua_setfield(state, -2, "__mode");
    lua_setmetatable(state, -2);
    lua_rawsetp(state, LUA_REGISTRYINDEX, &decoded_key);

    static constexpr luaL_Reg functions[] = {
        {"retry", &retry}, {"dead", &dead}, {"drop", &drop}, {"now", &now}, {nullptr, nullptr}};
    lua_newtable(state);
    luaL_setfuncs(state, static_cast<const luaL_Reg*>(functions), 0);
    open_log(state);
    open_publish(state);
    open_kv(state);
    open_http(state);
    open_methods(state, context_metatable_key);
}

void push_event(lua_State* state, const sinks::worker::Event& event) {
    lua_createtable(state, 0, 16);
    set_text(state, "id", event.id);
    set_text(state, "topic", event.topic);
    set_text(state, "subscription", event.subscription);
    lua_createtable(state, static_cast<int>(event.tags.size()), 0);
    for (std::size_t at = 0; at < event.tags.size(); ++at) {
        lua_pushlstring(state, event.tags[at].data(), event.tags[at].size());
        lua_rawseti(state, -2, static_cast<lua_Integer>(at + 1));
    }
    lua_setfield(state, -2, "tags");
    set_text(state, "routing_key", event.routing_key);
    set_text(state, "ordering_key", event.ordering_key);
    set_number(state, "attempt", event.attempt);
    set_text(state, "publish_time", format_instant(event.published_ms));
    set_number(state, "publish_time_ms", event.published_ms);
    lua_createtable(state, 0, static_cast<int>(event.headers.size()));
    for (const auto& [name, value] : event.headers) {
        lua_pushlstring(state, name.data(), name.size());
        lua_pushlstring(state, value.data(), value.size());
        lua_rawset(state, -3);
    }
    lua_setfield(state, -2, "headers");
    set_text(state, "content_type", event.content_type);
    set_text(state, "body", event.body);
    if (!event.replay.empty()) set_text(state, "replay", event.replay);
    lua_rawgetp(state, LUA_REGISTRYINDEX, &event_metatable_key);
    lua_setmetatable(state, -2);
}

void push_context(lua_State* state) {
    const Run& run = *interpreter_of(state).run;
    std::int64_t deadline_ms = run.inputs.front().deadline_ms;
    for (const Input& input : run.inputs) deadline_ms = std::min(deadline_ms, input.deadline_ms);
    lua_createtable(state, 0, 2);
    set_number(state, "attempt", run.inputs.front().event.attempt);
    set_number(state, "deadline_ms", deadline_ms);
    lua_rawgetp(state, LUA_REGISTRYINDEX, &context_metatable_key);
    lua_setmetatable(state, -2);
}

}  // namespace penstock::lua
