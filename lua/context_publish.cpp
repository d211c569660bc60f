#include "lua/arguments.h"
#include "lua/context.h"
#include "lua/json.h"
#include "lua/limits.h"

#include <string>
#include <utility>

namespace penstock::lua {
namespace {

using sinks::worker::bytes_besides;
using sinks::worker::Publish;

std::vector<std::string> read_tags(lua_State* state, Options& options, const char* function) {
    std::vector<std::string> tags;
    if (!options.push("tags")) return tags;
    if (lua_istable(state, -1) == 0) options.refuse("tags", "must be a list of texts");
    const auto count = static_cast<lua_Integer>(lua_rawlen(state, -1));
    for (lua_Integer at = 1; at <= count; ++at) {
        lua_rawgeti(state, -1, at);
        tags.push_back(text_or_number(state, lua_gettop(state), function, "each tag"));
        lua_pop(state, 1);
    }
    lua_pop(state, 1);
    return tags;
}

void read_body(lua_State* state, Options& options, const char* function, Publish& publish) {
    auto body = options.text("body");
    const bool json = options.push("json");
    if (body.has_value() == json)
        luaL_error(state, "%s: give either body = text or json = value", function);
    if (json) {
        append_json(state, publish.body, function);
        lua_pop(state, 1);
        if (publish.content_type.empty()) publish.content_type = "application/json";
    } else {
        publish.body = std::move(*body);
    }
}

int publish_to(lua_State* state, const char* function, std::string Publish::*target) {
    Run& run = run_with_effects(state, function);
    if (run.publishes.size() >= outputs_per_message_max)
        return luaL_error(state,
                          "%s: a message may publish at most %d",
                          function,
                          static_cast<int>(outputs_per_message_max));
    Publish publish;
    publish.*target = text_or_number(state, 1, function, "the name");
    if ((publish.*target).empty()) return luaL_error(state, "%s: the name is empty", function);
    if (lua_type(state, 2) == LUA_TSTRING) {
        publish.body = text_or_number(state, 2, function, "the body");
    } else {
        Options options(
            state,
            2,
            function,
            {"body", "json", "tags", "routing_key", "ordering_key", "content_type", "delay"});
        publish.tags = read_tags(state, options, function);
        publish.routing_key = options.text("routing_key").value_or("");
        publish.ordering_key = options.text("ordering_key").value_or("");
        publish.content_type = options.text("content_type").value_or("");
        publish.delay_ms = options.milliseconds("delay");
        read_body(state, options, function, publish);
    }
    if (publish.body.size() > output_bytes_max)
        return luaL_error(state,
                          "%s: a body of %d bytes; at most %d",
                          function,
                          static_cast<int>(publish.body.size()),
                          static_cast<int>(output_bytes_max));
    const std::size_t head = bytes_besides(publish);
    if (head > output_head_bytes_max)
        return luaL_error(state,
                          "%s: names, tags and keys of %d bytes; at most %d",
                          function,
                          static_cast<int>(head),
                          static_cast<int>(output_head_bytes_max));
    std::size_t bytes = publish.body.size();
    for (const Publish& one : run.publishes) bytes += one.body.size();
    if (bytes > output_bytes_per_message_max)
        return luaL_error(state,
                          "%s: a message may publish at most %d bytes in all",
                          function,
                          static_cast<int>(output_bytes_per_message_max));
    run.publishes.push_back(std::move(publish));
    return 0;
}

int publish_message(lua_State* state) {
    return publish_to(state, "ctx.publish", &Publish::topic);
}

int send_message(lua_State* state) {
    return publish_to(state, "ctx.send", &Publish::queue);
}

}  // namespace

void open_publish(lua_State* state) {
    lua_pushcfunction(state, &publish_message);
    lua_setfield(state, -2, "publish");
    lua_pushcfunction(state, &send_message);
    lua_setfield(state, -2, "send");
}

}  // namespace penstock::lua
