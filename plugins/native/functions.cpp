// Scripts of subscriptions, and what can be seen of the functions that run: logs, processes, walls.
#include "plugins/native/answered.h"
#include "plugins/native/routes.h"
#include "plugins/native/script_trials.h"

#include <functional>
#include <map>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;
using model::ScriptRole;

constexpr Range script_bytes{1, model::script_bytes_max};
constexpr Range note_bytes{0, 256};
constexpr Range file_bytes{1, model::script_file_bytes_max};
constexpr Range version_range{1, 4'294'967'295};
constexpr Range log_limit{1, 1000};
constexpr Range line_number{0, 9'007'199'254'740'992};
constexpr Range full_name_bytes{3, 130};

ScriptRole role_of(Fields& fields) {
    const std::string role =
        fields.one_of("role", {"handler", "filter", "transform"}).value_or("handler");
    if (role == "filter") return ScriptRole::filter;
    return role == "transform" ? ScriptRole::transform : ScriptRole::handler;
}

json::object show(const api::ScriptView& view) {
    json::object out;
    out["role"] = model::to_text(view.script.role);
    out["version"] = view.script.version;
    out["in_use"] = view.in_use;
    out["size"] = view.code_bytes;
    if (!view.script.file.empty()) out["file"] = readable(view.script.file);
    out["note"] = readable(view.script.note);
    put_time(out, "deployed_at", view.script.deployed_ms);
    if (!view.script.code.empty()) out["code"] = readable(view.script.code);
    return out;
}

Reply version_reply(const api::Outcome<api::DeployedScript>& outcome) {
    if (!outcome) return refused(outcome.error());
    json::object out;
    out["version"] = outcome->version;
    return json_reply(out);
}

json::object show(const api::FunctionLogLine& line, const std::string& name) {
    json::object out;
    out["number"] = line.number;
    put_time(out, "at", line.at_ms);
    if (!name.empty()) out["subscription"] = name;
    out["level"] = line.level;
    if (!line.message.empty()) out["message"] = line.message;
    out["text"] = readable(line.text);
    return out;
}

// Names of all subscriptions by number: log lines know numbers only.
asio::awaitable<std::map<std::uint32_t, std::string>> names_by_number(Call& call) {
    std::map<std::uint32_t, std::string> names;
    api::ListSubscriptions request;
    request.page.limit = 1000;
    while (true) {
        api::ListSubscriptions page_request = request;
        const auto page = co_await ask(call, std::move(page_request));
        if (!page || page->items.empty()) break;
        for (const auto& one : page->items) names[one.number] = one.topic + "/" + one.name;
        request.page.offset += static_cast<std::uint32_t>(page->items.size());
        if (request.page.offset >= page->total) break;
    }
    co_return names;
}

asio::awaitable<api::Outcome<api::SubscriptionView>> subscription_of(Call& call, std::string full) {
    api::GetSubscription request;
    const auto slash = full.find('/');
    request.topic = full.substr(0, slash);
    request.name = slash == std::string::npos ? std::string() : full.substr(slash + 1);
    co_return co_await ask(call, std::move(request));
}

Problem no_functions() {
    model::Refusal refusal;
    refusal.reason = model::Reason::unavailable;
    refusal.detail = "functions do not run on this server";
    return refused(refusal);
}

// Lines are numbered over all accounts, so that they are not for one of them to see.
bool may_read_logs(const Call& call, const std::optional<std::string>& name) {
    return call.principal.account.empty() &&
           may(call,
               {api::Right::content,
                api::content_action,
                "subscription/" + name.value_or(std::string("*"))});
}

}  // namespace

asio::awaitable<Reply> list_scripts(Call& call) {
    Fields fields = query_fields(call.request.query, {"code"});
    api::ListScripts request;
    request.topic = call.names[0];
    request.name = call.names[1];
    request.with_code = fields.flag("code").value_or(false);
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    json::array items;
    for (const auto& one : outcome->items) items.emplace_back(show(one));
    co_return list_reply(std::move(items), name_cursor, 0);
}

asio::awaitable<Reply> deploy_script(Call& call) {
    Fields fields = json_fields(call.request.body, {"role", "code", "file", "note"});
    const bool forced = is_forced(call, fields);
    api::DeployScript request;
    request.topic = call.names[0];
    request.name = call.names[1];
    request.script.role = role_of(fields);
    auto code = fields.payload("code", script_bytes);
    if (!code) fields.refuse("code", "is missing; the text of the script.");
    request.script.code = std::move(code).value_or(std::string());
    request.script.file = fields.text("file", file_bytes).value_or(std::string());
    request.script.note = fields.text("note", note_bytes).value_or(std::string());
    if (!fields.ok()) co_return *fields.problem();
    if (!forced) {
        // How much its state may have is not looked up: the most that any may.
        const std::uint32_t memory_mib = model::FunctionSpec().memory_mib;
        const std::span<const model::Script> scripts(&request.script, 1);
        const auto problem = co_await try_scripts(call, scripts, memory_mib);
        if (problem) co_return *problem;
    }
    const auto outcome = co_await ask(call, std::move(request));
    co_return version_reply(outcome);
}

asio::awaitable<Reply> activate_script(Call& call) {
    Fields fields = json_fields(call.request.body, {"role", "version"});
    api::ActivateScript request;
    request.topic = call.names[0];
    request.name = call.names[1];
    request.role = role_of(fields);
    request.version = fields.whole32("version", version_range).value_or(0);
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    co_return version_reply(outcome);
}

asio::awaitable<Reply> function_logs(Call& call) {
    Fields fields = query_fields(call.request.query, {"subscription", "after", "limit"});
    api::FunctionLogQuery query;
    query.after = fields.whole("after", line_number).value_or(0);
    query.limit = fields.whole32("limit", log_limit).value_or(query.limit);
    const auto name = fields.text("subscription", full_name_bytes);
    if (!fields.ok()) co_return *fields.problem();
    if (call.functions == nullptr) co_return no_functions();
    if (!may_read_logs(call, name)) co_return denied("the key may not see what functions write");
    std::map<std::uint32_t, std::string> names;
    if (name) {
        std::string full = *name;
        const auto subscription = co_await subscription_of(call, std::move(full));
        if (!subscription) co_return refused(subscription.error());
        query.subscription = model::SubscriptionNo{subscription->number};
        names[subscription->number] = *name;
    } else {
        names = co_await names_by_number(call);
    }
    std::function<void(std::function<void(api::FunctionLogPage)>)> start =
        [&call, &query](std::function<void(api::FunctionLogPage)> done) {
            call.functions->logs(query, std::move(done));
        };
    const auto page = co_await answer<api::FunctionLogPage>(std::move(start));
    json::array items;
    for (const auto& line : page.lines) {
        items.emplace_back(show(line, names[line.subscription.value]));
    }
    json::object out;
    out["items"] = std::move(items);
    out["last"] = page.last;
    co_return json_reply(out);
}

asio::awaitable<Reply> function_status(Call& call) {
    if (call.functions == nullptr) co_return no_functions();
    std::string full = call.names[0] + "/" + call.names[1];
    const auto subscription = co_await subscription_of(call, std::move(full));
    if (!subscription) co_return refused(subscription.error());
    const model::SubscriptionNo number{subscription->number};
    std::function<void(std::function<void(api::FunctionStatus)>)> start =
        [&call, number](std::function<void(api::FunctionStatus)> done) {
            call.functions->status(number, std::move(done));
        };
    const auto status = co_await answer<api::FunctionStatus>(std::move(start));
    json::array processes;
    for (const auto& process : status.processes) {
        json::object shown;
        shown["number"] = process.number;
        shown["state"] = process.state;
        shown["in_flight"] = process.in_flight;
        shown["handled"] = process.handled;
        put_time(shown, "started_at", process.started_ms);
        processes.emplace_back(std::move(shown));
    }
    json::object out;
    out["processes"] = std::move(processes);
    out["starts"] = status.starts;
    out["crashes"] = status.crashes;
    out["last_problem"] = readable(status.last_problem);
    co_return json_reply(out);
}

asio::awaitable<Reply> function_sandbox(Call& call) {
    if (call.functions == nullptr) co_return no_functions();
    if (!call.principal.account.empty()) co_return denied("the walls are the server's");
    std::function<void(std::function<void(api::SandboxReport)>)> start =
        [&call](std::function<void(api::SandboxReport)> done) {
            call.functions->sandbox(std::move(done));
        };
    const auto report = co_await answer<api::SandboxReport>(std::move(start));
    json::object out;
    for (const auto& [layer, state] : report) out[layer] = readable(state);
    co_return json_reply(out);
}

}  // namespace penstock::plugins::native
