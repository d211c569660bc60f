#include "plugins/native/sink_fields.h"

#include "plugins/native/call.h"
#include "plugins/native/url_field.h"

#include <boost/json/array.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;
using model::FunctionSpec;
using model::ScriptRole;
using model::SinkKind;

constexpr Range words{1, 1000};
constexpr Range word_bytes{0, 32'768};
constexpr Range script_bytes{1, model::script_bytes_max};
constexpr Range file_bytes{1, model::script_file_bytes_max};
constexpr Range hosts{0, 100};
constexpr Range host_bytes{1, 255};

// What a function's object may hold besides its command; each kind takes some of them.
using Names = std::vector<std::string_view>;

struct SinkField {
    std::string_view name;
    SinkKind kind;
    Names fields;
};

const std::vector<SinkField>& sinks() {
    static const std::vector<SinkField> all = {
        {"http", SinkKind::http, {"url"}},
        {"queue", SinkKind::queue, {"name"}},
        {"exec",
         SinkKind::exec,
         {"command", "cwd", "processes", "stdin", "memory_mib", "crashes_max"}},
        {"worker",
         SinkKind::worker,
         {"command",
          "cwd",
          "processes",
          "window",
          "framing",
          "ready_line",
          "startup_ms",
          "memory_mib",
          "recycle_after",
          "recycle_age_ms",
          "recycle_memory_mib",
          "crashes_max"}},
        {"worker_http",
         SinkKind::worker_http,
         {"command",
          "cwd",
          "processes",
          "window",
          "startup_ms",
          "memory_mib",
          "recycle_after",
          "recycle_age_ms",
          "recycle_memory_mib",
          "crashes_max"}},
        {"runtime",
         SinkKind::runtime,
         {"folder",
          "processes",
          "window",
          "batch",
          "startup_ms",
          "memory_mib",
          "recycle_after",
          "recycle_age_ms",
          "recycle_memory_mib",
          "crashes_max"}},
        {"lua",
         SinkKind::lua,
         {"code", "file", "processes", "window", "memory_mib", "http_allow", "crashes_max"}},
    };
    return all;
}

void add_script(api::Subscribe& request,
                ScriptRole role,
                std::optional<std::string> code,
                std::optional<std::string> file) {
    if (!code) return;
    model::Script script;
    script.role = role;
    script.code = std::move(*code);
    script.file = std::move(file).value_or(std::string());
    request.scripts.push_back(std::move(script));
}

void read_number(Fields& object, std::string_view name, std::uint32_t& value, Range range) {
    value = object.whole32(name, range).value_or(value);
}

// Lua: many messages share a process; a state has its own, smaller limit.
FunctionSpec defaults_of(SinkKind kind) {
    FunctionSpec function;
    if (kind == SinkKind::exec) function.processes = 4;
    if (kind == SinkKind::worker_http) function.window = 16;
    if (kind == SinkKind::lua) function.window = 64;
    if (kind == SinkKind::lua) function.memory_mib = 16;
    return function;
}

void read_function(Fields& object, const SinkField& sink, api::Subscribe& request) {
    FunctionSpec function = defaults_of(sink.kind);
    if (sink.kind == SinkKind::runtime) {
        function.command = {object.need_text("folder", Range{1, 4096})};
    } else if (sink.kind == SinkKind::lua) {
        auto code = object.payload("code", script_bytes);
        if (!code) object.refuse("code", "is missing; the text of the script.");
        add_script(request, ScriptRole::handler, std::move(code), object.text("file", file_bytes));
    } else {
        auto command = object.payloads("command", words, word_bytes);
        if (!command)
            object.refuse("command", "is missing; a list: the program and its arguments.");
        function.command = std::move(command).value_or(std::vector<std::string>());
    }
    function.folder = object.text("cwd", Range{1, 4096}).value_or(std::string());
    read_number(object, "processes", function.processes, {1, 64});
    read_number(object, "window", function.window, {1, 256});
    read_number(object, "batch", function.batch, {1, 16});
    read_number(object, "startup_ms", function.startup_ms, {100, 300'000});
    read_number(object, "memory_mib", function.memory_mib, {1, 65'536});
    read_number(object, "recycle_after", function.recycle_after, {0, 1'000'000'000});
    read_number(object, "recycle_age_ms", function.recycle_age_ms, {0, model::recycle_age_ms_max});
    read_number(object, "recycle_memory_mib", function.recycle_memory_mib, {0, 65'536});
    read_number(object, "crashes_max", function.crashes_max, {1, 100});
    function.content_length =
        object.one_of("framing", {"lines", "content-length"}).value_or("lines") != "lines";
    function.ready_line = object.flag("ready_line").value_or(false);
    function.envelope = object.one_of("stdin", {"body", "envelope"}).value_or("body") != "body";
    function.http_allow =
        object.texts("http_allow", hosts, host_bytes).value_or(function.http_allow);
    // As many at a time as its processes take.
    request.spec.concurrency = std::min<std::uint32_t>(1'000, function.processes * function.window);
    request.spec.function = std::move(function);
}

void read_one(Fields& fields, const SinkField& sink, api::Subscribe& request) {
    auto object = fields.object(sink.name, sink.fields);
    if (!object) return fields.refuse(sink.name, "must be an object.");
    request.spec.sink = sink.kind;
    if (sink.kind == SinkKind::http) {
        request.spec.endpoint = need_url(*object, "url");
    } else if (sink.kind == SinkKind::queue) {
        request.spec.endpoint = object->need_text("name", name_bytes);
        // A queue gets the bare message; there is no other format for it.
        request.spec.format = model::ContentFormat::simplified;
    } else {
        read_function(*object, sink, request);
    }
    fields.adopt(*object);
}

json::array texts(const std::vector<std::string>& all) {
    json::array out;
    for (const std::string& text : all) out.emplace_back(text);
    return out;
}

bool takes(const SinkField& sink, std::string_view field) {
    return std::find(sink.fields.begin(), sink.fields.end(), field) != sink.fields.end();
}

json::object show_function(const SinkField& sink, const model::SubscriptionSpec& spec) {
    const FunctionSpec& function = spec.function;
    json::object out;
    const auto put = [&](std::string_view name, json::value value) {
        if (takes(sink, name)) out[name] = std::move(value);
    };
    put("command", texts(function.command));
    if (!function.command.empty()) put("folder", json::string(function.command.front()));
    if (!function.folder.empty()) put("cwd", json::string(function.folder));
    if (sink.kind == SinkKind::lua) out["version"] = spec.scripts[0];
    put("processes", function.processes);
    put("window", function.window);
    put("framing", function.content_length ? "content-length" : "lines");
    put("ready_line", function.ready_line);
    put("stdin", function.envelope ? "envelope" : "body");
    put("batch", function.batch);
    put("startup_ms", function.startup_ms);
    put("memory_mib", function.memory_mib);
    put("recycle_after", function.recycle_after);
    put("recycle_age_ms", function.recycle_age_ms);
    put("recycle_memory_mib", function.recycle_memory_mib);
    put("crashes_max", function.crashes_max);
    put("http_allow", texts(function.http_allow));
    return out;
}

}  // namespace

const Names& sink_fields() {
    static const Names all = [] {
        Names names{"filter_lua", "filter_file", "transform_lua", "transform_file"};
        for (const SinkField& sink : sinks()) names.push_back(sink.name);
        return names;
    }();
    return all;
}

void read_sink(Fields& fields, api::Subscribe& request) {
    const SinkField* chosen = nullptr;
    unsigned given = 0;
    for (const SinkField& sink : sinks()) {
        if (!fields.has(sink.name)) continue;
        ++given;
        chosen = &sink;
    }
    if (given != 1) {
        return fields.refuse(
            "http",
            "exactly one of http, queue, exec, worker, worker_http, runtime and lua is needed.");
    }
    read_one(fields, *chosen, request);
    add_script(request,
               ScriptRole::filter,
               fields.payload("filter_lua", script_bytes),
               fields.text("filter_file", file_bytes));
    add_script(request,
               ScriptRole::transform,
               fields.payload("transform_lua", script_bytes),
               fields.text("transform_file", file_bytes));
}

void put_sink(json::object& out, const model::SubscriptionSpec& spec) {
    for (const SinkField& sink : sinks()) {
        if (sink.kind != spec.sink) continue;
        json::object shown;
        if (sink.kind == SinkKind::http) {
            shown["url"] = spec.endpoint;
        } else if (sink.kind == SinkKind::queue) {
            shown["name"] = spec.endpoint;
        } else {
            shown = show_function(sink, spec);
        }
        out[sink.name] = std::move(shown);
    }
    const auto put_version = [&](std::string_view name, ScriptRole role) {
        const std::uint32_t version = spec.scripts[static_cast<std::size_t>(role) - 1];
        if (version == 0) return;
        json::object shown;
        shown["version"] = version;
        out[name] = std::move(shown);
    };
    put_version("filter_lua", ScriptRole::filter);
    put_version("transform_lua", ScriptRole::transform);
}

}  // namespace penstock::plugins::native
