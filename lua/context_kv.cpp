// ctx.kv. A read of a row the message does not know yet waits for the server; everything else is
// noted in the Run's KvView.
#include "broker/base/base64.h"
#include "lua/arguments.h"
#include "lua/context.h"
#include "lua/coroutine_library.h"
#include "lua/json.h"
#include "lua/limits.h"
#include "lua/sandbox.h"

#include <utility>

namespace penstock::lua {
namespace {

std::string key_argument(lua_State* state, const char* function) {
    std::string key = text_or_number(state, 2, function, "the key");
    if (key.empty() || key.size() > kv_key_bytes_max || !sinks::worker::is_utf8(key))
        luaL_error(state,
                   "%s: a key is UTF-8 text of 1 to %d bytes",
                   function,
                   static_cast<int>(kv_key_bytes_max));
    return key;
}

std::int64_t amount_argument(lua_State* state, const char* function, lua_Integer absent) {
    if (lua_isnoneornil(state, 3)) return absent;
    int whole = 0;
    const lua_Integer amount = lua_tointegerx(state, 3, &whole);
    if (whole == 0) luaL_error(state, "%s: the amount must be a whole number", function);
    return amount;
}

void refuse_problem(lua_State* state, const char* function, const KvView::Problem& problem) {
    if (problem) luaL_error(state, "%s: %s", function, problem->c_str());
}

// A key that is written again is no further one.
void check_writes(lua_State* state, const char* function, const Run& run, const std::string& key) {
    if (run.kv.writes_count() >= kv_writes_per_message_max && !run.kv.writes_key(key))
        luaL_error(state,
                   "%s: a message may write at most %d keys",
                   function,
                   static_cast<int>(kv_writes_per_message_max));
}

void check_value(lua_State* state,
                 const char* function,
                 const Run& run,
                 const std::string& key,
                 const std::string& value) {
    if (run.kv.write_bytes_besides(key) + value.size() > kv_write_bytes_per_message_max)
        luaL_error(state,
                   "%s: a message may write at most %d bytes in all",
                   function,
                   static_cast<int>(kv_write_bytes_per_message_max));
    if (value.size() > kv_value_bytes_max)
        luaL_error(state,
                   "%s: a value of %d bytes; at most %d",
                   function,
                   static_cast<int>(value.size()),
                   static_cast<int>(kv_value_bytes_max));
}

// Leaves for the server to read the row of `key`.
int ask_for(lua_State* state,
            Run& run,
            const std::string& key,
            lua_KFunction continuation,
            const char* function) {
    if (run.kv.reads_count() >= kv_reads_per_message_max)
        return luaL_error(state,
                          "%s: a message may read at most %d keys",
                          function,
                          static_cast<int>(kv_reads_per_message_max));
    run.request.name = "kv_get";
    run.request.members = ",\"key\":";
    sinks::worker::append_text(run.request.members, key);
    return wait_for_host(state, continuation, function);
}

KvView::Value value_in_reply(lua_State* state) {
    if (lua_getfield(state, -1, "value") == LUA_TSTRING) {
        std::size_t length = 0;
        const char* text = lua_tolstring(state, -1, &length);
        std::string value(text, length);
        lua_pop(state, 1);
        return value;
    }
    lua_pop(state, 1);
    KvView::Value value;
    if (lua_getfield(state, -1, "value_base64") == LUA_TSTRING)
        value = decode_base64(lua_tostring(state, -1));
    lua_pop(state, 1);
    return value;
}

// Takes the server's answer about the key at index 2 into the view.
void take_reply(lua_State* state, Run& run, const char* function) {
    if (!run.reply.ok) luaL_error(state, "%s: %s", function, run.reply.error.c_str());
    push_json(state, run.reply.arguments, "the server's answer");
    lua_getfield(state, -1, "version");
    const auto version = static_cast<std::uint64_t>(lua_tointeger(state, -1));
    lua_pop(state, 1);
    KvView::Value value = version == 0 ? KvView::Value{} : value_in_reply(state);
    lua_pop(state, 1);
    const std::string key = key_argument(state, function);
    refuse_problem(state, function, run.kv.note_row(key, std::move(value), version));
}

int push_value(lua_State* state, const KvView::Value& value) {
    if (value) {
        lua_pushlstring(state, value->data(), value->size());
    } else {
        lua_pushnil(state);
    }
    return 1;
}

int get_known(lua_State* state, int, lua_KContext) {
    Run& run = run_with_effects(state, "ctx.kv:get");
    take_reply(state, run, "ctx.kv:get");
    return push_value(state, *run.kv.find(key_argument(state, "ctx.kv:get")));
}

int kv_get(lua_State* state) {
    check_method(state, "ctx.kv", "get");
    Run& run = run_with_effects(state, "ctx.kv:get");
    const std::string key = key_argument(state, "ctx.kv:get");
    if (const KvView::Value* known = run.kv.find(key)) return push_value(state, *known);
    return ask_for(state, run, key, &get_known, "ctx.kv:get");
}

int increase_known(lua_State* state, Run& run, const std::string& key) {
    const std::int64_t amount = amount_argument(state, "ctx.kv:incr", 1);
    Options options(state, 4, "ctx.kv:incr", {"ttl"});
    const std::uint64_t ttl_ms = options.milliseconds("ttl");
    std::int64_t result = 0;
    refuse_problem(state, "ctx.kv:incr", run.kv.increase(key, amount, ttl_ms, result));
    lua_pushinteger(state, result);
    return 1;
}

int increase_after_reply(lua_State* state, int, lua_KContext) {
    Run& run = run_with_effects(state, "ctx.kv:incr");
    take_reply(state, run, "ctx.kv:incr");
    return increase_known(state, run, key_argument(state, "ctx.kv:incr"));
}

int kv_increase(lua_State* state) {
    check_method(state, "ctx.kv", "incr");
    Run& run = run_with_effects(state, "ctx.kv:incr");
    const std::string key = key_argument(state, "ctx.kv:incr");
    check_writes(state, "ctx.kv:incr", run, key);
    if (run.kv.find(key) != nullptr) return increase_known(state, run, key);
    return ask_for(state, run, key, &increase_after_reply, "ctx.kv:incr");
}

int kv_put(lua_State* state) {
    check_method(state, "ctx.kv", "put");
    Run& run = run_with_effects(state, "ctx.kv:put");
    const std::string key = key_argument(state, "ctx.kv:put");
    check_writes(state, "ctx.kv:put", run, key);
    std::string value = text_or_number(state, 3, "ctx.kv:put", "the value");
    check_value(state, "ctx.kv:put", run, key, value);
    Options options(state, 4, "ctx.kv:put", {"ttl"});
    run.kv.put(key, std::move(value), options.milliseconds("ttl"));
    return 0;
}

int kv_delete(lua_State* state) {
    check_method(state, "ctx.kv", "delete");
    Run& run = run_with_effects(state, "ctx.kv:delete");
    const std::string key = key_argument(state, "ctx.kv:delete");
    check_writes(state, "ctx.kv:delete", run, key);
    run.kv.erase(key);
    return 0;
}

int kv_add(lua_State* state) {
    check_method(state, "ctx.kv", "add");
    Run& run = run_with_effects(state, "ctx.kv:add");
    const std::string key = key_argument(state, "ctx.kv:add");
    check_writes(state, "ctx.kv:add", run, key);
    const std::int64_t amount = amount_argument(state, "ctx.kv:add", 1);
    Options options(state, 4, "ctx.kv:add", {"ttl"});
    refuse_problem(state, "ctx.kv:add", run.kv.add(key, amount, options.milliseconds("ttl")));
    return 0;
}

}  // namespace

void open_kv(lua_State* state) {
    static constexpr luaL_Reg functions[] = {{"get", &kv_get},
                                             {"put", &kv_put},
                                             {"delete", &kv_delete},
                                             {"add", &kv_add},
                                             {"incr", &kv_increase},
                                             {nullptr, nullptr}};
    lua_newtable(state);
    luaL_setfuncs(state, static_cast<const luaL_Reg*>(functions), 0);
    lock_table(state, "ctx.kv");
    lua_setfield(state, -2, "kv");
}

}  // namespace penstock::lua
