#include "lua/results.h"

#include "lua/context.h"
#include "lua/json.h"
#include "lua/limits.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace penstock::lua {
namespace {

// What the server counts in one frame besides the result: some for the answer itself, so many for
// each key that was read and each that is written.
constexpr std::size_t answer_values = 64;
constexpr std::size_t read_values = 5;
constexpr std::size_t write_values = 8;

constexpr const char* handler_hint =
    "; return nil or true, false and a reason, a table, a text, or ctx.retry, dead or drop";

Outcome failure(std::string text) {
    Outcome outcome;
    outcome.error = std::move(text);
    return outcome;
}

Outcome accepted() {
    Outcome outcome;
    outcome.kind = Outcome::Kind::accepted;
    return outcome;
}

Outcome by_verdict(const Run& run) {
    Outcome outcome;
    outcome.error = run.reason;
    outcome.retry_after_ms = run.retry_after_ms;
    switch (run.verdict) {
        case Verdict::none:
        case Verdict::retry:
            outcome.kind = Outcome::Kind::failed;
            break;
        case Verdict::dead:
            outcome.kind = Outcome::Kind::dead;
            break;
        case Verdict::drop:
            outcome.kind = Outcome::Kind::dropped;
            break;
    }
    return outcome;
}

const char* function_name(const Run& run) {
    if (run.batch) return "handle_batch";
    return run.role == "handler" ? "handle" : run.role.c_str();
}

Outcome wrong_type(lua_State* state, const Run& run, const char* hint) {
    return failure(std::string(function_name(run)) + " returned a " + luaL_typename(state, 1) +
                   hint);
}

Outcome refused(lua_State* state, const Run& run) {
    const bool reason = lua_type(state, 2) == LUA_TSTRING;
    return failure(reason ? error_text(state, 2)
                          : std::string(function_name(run)) + " returned false without a reason");
}

std::size_t result_values_max(const Run& run) {
    const std::size_t effects =
        run.kv.reads_count() * read_values + run.kv.writes_count() * write_values;
    return sinks::worker::frame_values_max - answer_values - effects;
}

Outcome with_result(lua_State* state, const Run& run) {
    Outcome outcome = accepted();
    lua_pushvalue(state, 1);
    std::size_t length = 0;
    const char* text =
        lua_type(state, 1) == LUA_TSTRING ? lua_tolstring(state, 1, &length) : nullptr;
    if (text != nullptr && !sinks::worker::is_utf8({text, length})) {
        outcome.result_bytes.assign(text, length);
    } else {
        append_json(state, outcome.result, function_name(run));
    }
    const std::size_t size = outcome.result.size() + outcome.result_bytes.size();
    const std::size_t values_max = result_values_max(run);
    if (sinks::worker::count_values(outcome.result, values_max) > values_max)
        return failure(std::string(function_name(run)) + " returned a result of more than " +
                       std::to_string(values_max) +
                       " JSON values; return it as text: json.encode(value)");
    if (size > output_bytes_max)
        return failure(std::string(function_name(run)) + " returned a result of " +
                       std::to_string(size) + " bytes; at most " +
                       std::to_string(output_bytes_max));
    return outcome;
}

Outcome of_function(lua_State* state, const Run& run) {
    switch (lua_type(state, 1)) {
        case LUA_TNIL:
            return accepted();
        case LUA_TBOOLEAN:
            return lua_toboolean(state, 1) != 0 ? accepted() : refused(state, run);
        case LUA_TTABLE:
        case LUA_TSTRING:
            return with_result(state, run);
        default:
            return wrong_type(state, run, handler_hint);
    }
}

Outcome of_filter(lua_State* state, const Run& run) {
    if (!lua_isnil(state, 1) && !lua_isboolean(state, 1))
        return wrong_type(state, run, "; return true to deliver the message, false to skip it");
    Outcome outcome = accepted();
    outcome.result = lua_toboolean(state, 1) != 0 ? "true" : "false";
    return outcome;
}

// A list of the ids that failed; the others are accepted.
void of_batch(lua_State* state, Run& run) {
    const bool none =
        lua_isnil(state, 1) || (lua_isboolean(state, 1) && lua_toboolean(state, 1) != 0);
    if (none) return settle_all(run, accepted());
    if (lua_isboolean(state, 1)) return settle_all(run, refused(state, run));
    if (lua_istable(state, 1) == 0)
        return settle_all(run, wrong_type(state, run, "; return nil or a list of the failed ids"));
    settle_all(run, accepted());
    const auto count = static_cast<lua_Integer>(lua_rawlen(state, 1));
    for (lua_Integer at = 1; at <= count; ++at) {
        lua_rawgeti(state, 1, at);
        const std::string id = lua_type(state, -1) == LUA_TSTRING ? error_text(state, -1) : "";
        const auto input = std::find_if(run.inputs.begin(),
                                        run.inputs.end(),
                                        [&](const Input& one) { return one.event.id == id; });
        if (input == run.inputs.end())
            return settle_all(
                run, failure("handle_batch returned a list with something that is no event's id"));
        run.outcomes[static_cast<std::size_t>(input - run.inputs.begin())] =
            failure("handle_batch returned the message's id as failed");
        lua_pop(state, 1);
    }
}

}  // namespace

void settle_all(Run& run, const Outcome& outcome) {
    run.outcomes.assign(run.inputs.size(), outcome);
}

std::string error_text(lua_State* state, int at) {
    std::string text;
    const int type = lua_type(state, at);
    if (type == LUA_TSTRING) {
        std::size_t length = 0;
        const char* bytes = lua_tolstring(state, at, &length);
        text.assign(bytes, std::min(length, error_bytes_max));
    } else if (type == LUA_TNUMBER && lua_isinteger(state, at) != 0) {
        text = std::to_string(lua_tointeger(state, at));
    } else if (type == LUA_TNUMBER) {
        text = std::to_string(lua_tonumber(state, at));
    } else {
        text = std::string("an error that is no text but a ") + lua_typename(state, type);
    }
    return text;
}

void take_results(lua_State* state, Run& run) {
    if (lua_gettop(state) < 2) lua_settop(state, 2);
    if (run.verdict != Verdict::none && !is_verdict(state, 1))
        return settle_all(run,
                          failure(std::string(function_name(run)) +
                                  " called ctx.retry, dead or drop and did not return its value: "
                                  "write `return ctx.retry{...}`"));
    if (run.verdict != Verdict::none) return settle_all(run, by_verdict(run));
    if (run.batch) return of_batch(state, run);
    settle_all(run, run.role == "filter" ? of_filter(state, run) : of_function(state, run));
}

}  // namespace penstock::lua
