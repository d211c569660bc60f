// ctx.http. The server makes the request and answers with what came back, or with an error that the
// script gets as its second value.
#include "broker/base/base64.h"
#include "broker/base/letters.h"
#include "lua/arguments.h"
#include "lua/context.h"
#include "lua/coroutine_library.h"
#include "lua/json.h"
#include "lua/limits.h"
#include "lua/sandbox.h"

#include <array>
#include <utility>

namespace penstock::lua {
namespace {

const char response_metatable_key = 0;  // its address is the key in the registry

int response_json(lua_State* state) {
    check_method(state, "response", "json");
    lua_pushliteral(state, "body");
    if (lua_rawget(state, 1) != LUA_TSTRING)
        return luaL_error(state, "response:json() needs response.body to be a text");
    std::size_t length = 0;
    const char* body = lua_tolstring(state, -1, &length);
    push_json(state, {body, length}, "response.body");
    return 1;
}

// Moves text field `name` (or NAME_base64) of the table at `from` into the table on top.
void take_body(lua_State* state, int from) {
    if (lua_getfield(state, from, "body") == LUA_TSTRING) {
        lua_setfield(state, -2, "body");
        return;
    }
    lua_pop(state, 1);
    std::string body;
    if (lua_getfield(state, from, "body_base64") == LUA_TSTRING)
        body = decode_base64(lua_tostring(state, -1)).value_or("");
    lua_pop(state, 1);
    lua_pushlstring(state, body.data(), body.size());
    lua_setfield(state, -2, "body");
}

int push_response(lua_State* state, int, lua_KContext) {
    const Run& run = run_with_effects(state, "ctx.http");
    if (!run.reply.ok) {
        lua_pushnil(state);
        lua_pushlstring(state, run.reply.error.data(), run.reply.error.size());
        return 2;
    }
    push_json(state, run.reply.arguments, "the server's answer");
    const int reply = lua_gettop(state);
    lua_createtable(state, 0, 4);
    lua_getfield(state, reply, "status");
    lua_setfield(state, -2, "status");
    if (lua_getfield(state, reply, "headers") != LUA_TTABLE) {
        lua_pop(state, 1);
        lua_newtable(state);
    }
    lua_setfield(state, -2, "headers");
    take_body(state, reply);
    lua_rawgetp(state, LUA_REGISTRYINDEX, &response_metatable_key);
    lua_setmetatable(state, -2);
    return 1;
}

void append_headers(lua_State* state, Options& options, bool json, std::string& members) {
    bool typed = false;
    std::string headers;
    if (options.push("headers")) {
        if (lua_istable(state, -1) == 0) options.refuse("headers", "must be a table of texts");
        const int table = lua_gettop(state);
        for (lua_pushnil(state); lua_next(state, table) != 0; lua_pop(state, 1)) {
            if (lua_type(state, -2) != LUA_TSTRING)
                options.refuse("headers", "must have names as keys");
            const std::string name = lua_tostring(state, -2);
            const std::string value =
                text_or_number(state, lua_gettop(state), "ctx.http", "each header");
            headers += headers.empty() ? "" : ",";
            sinks::worker::append_text(headers, name);
            headers += ":";
            sinks::worker::append_text(headers, value);
            typed = typed || same_letters(name, "content-type");
        }
        lua_pop(state, 1);
    }
    if (json && !typed) {
        headers += headers.empty() ? "" : ",";
        headers += R"("content-type":"application/json")";
    }
    members += ",\"headers\":{" + headers + "}";
}

void append_body(lua_State* state, Options& options, bool& json, std::string& members) {
    auto body = options.text("body");
    json = options.push("json");
    if (json && body) luaL_error(state, "ctx.http: give body or json, not both");
    if (json) {
        body.emplace();
        append_json(state, *body, "ctx.http");
        lua_pop(state, 1);
    }
    if (!body) return;
    if (body->size() > request_bytes_max)
        luaL_error(state,
                   "ctx.http: a body of %d bytes; at most %d",
                   static_cast<int>(body->size()),
                   static_cast<int>(request_bytes_max));
    members += ",";
    sinks::worker::append_bytes(members, "body", *body);
}

int request(lua_State* state, const char* fixed_method, const char* function) {
    if (lua_istable(state, 1) == 0)
        return luaL_error(state, "call %s(url, ...) with a colon", function);
    Run& run = run_with_effects(state, function);
    if (run.calls >= calls_per_message_max)
        return luaL_error(state,
                          "%s: a message may make at most %d calls",
                          function,
                          static_cast<int>(calls_per_message_max));
    const std::string url = text_or_number(state, 2, function, "the url");
    Options options(state, 3, function, {"json", "body", "headers", "timeout", "method"});
    std::string method = options.text("method").value_or(fixed_method);
    std::string members = ",\"method\":";
    sinks::worker::append_text(members, method);
    members += ",\"url\":";
    sinks::worker::append_text(members, url);
    bool json = false;
    append_body(state, options, json, members);
    const std::size_t before_headers = members.size();
    append_headers(state, options, json, members);
    const std::size_t head = method.size() + url.size() + members.size() - before_headers;
    if (head > request_head_bytes_max)
        return luaL_error(state,
                          "%s: an url and headers of %d bytes; at most %d",
                          function,
                          static_cast<int>(head),
                          static_cast<int>(request_head_bytes_max));
    const std::uint64_t timeout_ms = options.count("timeout", 0);
    if (timeout_ms > 0) members += ",\"timeout_ms\":" + std::to_string(timeout_ms);
    members += ",\"idempotency\":" + std::to_string(++run.calls);
    run.request = {"http", std::move(members)};
    return wait_for_host(state, &push_response, function);
}

int http_get(lua_State* state) {
    return request(state, "GET", "ctx.http:get");
}

int http_post(lua_State* state) {
    return request(state, "POST", "ctx.http:post");
}

int http_put(lua_State* state) {
    return request(state, "PUT", "ctx.http:put");
}

int http_patch(lua_State* state) {
    return request(state, "PATCH", "ctx.http:patch");
}

int http_delete(lua_State* state) {
    return request(state, "DELETE", "ctx.http:delete");
}

int http_request(lua_State* state) {
    return request(state, "GET", "ctx.http:request");
}

}  // namespace

void open_http(lua_State* state) {
    static constexpr luaL_Reg functions[] = {{"get", &http_get},
                                             {"post", &http_post},
                                             {"put", &http_put},
                                             {"patch", &http_patch},
                                             {"delete", &http_delete},
                                             {"request", &http_request},
                                             {nullptr, nullptr}};
    lua_newtable(state);
    luaL_setfuncs(state, static_cast<const luaL_Reg*>(functions), 0);
    lock_table(state, "ctx.http");
    lua_setfield(state, -2, "http");

    lua_createtable(state, 0, 2);
    lua_createtable(state, 0, 1);
    lua_pushcfunction(state, &response_json);
    lua_setfield(state, -2, "json");
    lua_setfield(state, -2, "__index");
    protect_metatable(state);
    lua_rawsetp(state, LUA_REGISTRYINDEX, &response_metatable_key);
}

}  // namespace penstock::lua
