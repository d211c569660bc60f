#include "broker/cli/function_commands.h"

#include "broker/cli/sink_flags.h"
#include "broker/cli/subscription_commands.h"
#include "broker/cli/tool.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <array>
#include <chrono>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds follow_pause{500};

const Columns script_columns = {{"SUBSCRIPTION", "subscription"},
                                {"ROLE", "role"},
                                {"VERSION", "version"},
                                {"IN USE", "in_use"},
                                {"SIZE", "size"},
                                {"DEPLOYED", "deployed_at"},
                                {"NOTE", "note"}};

const Columns function_columns = {{"SUBSCRIPTION", "subscription"},
                                  {"KIND", "kind"},
                                  {"RUNS", "runs"},
                                  {"STATE", "state"},
                                  {"BACKLOG", "backlog"},
                                  {"WAITING", "waiting"},
                                  {"WHY", "state_reason"}};

constexpr std::array<std::pair<const char*, const char*>, 5> kinds = {{
    {"exec", "exec"},
    {"worker", "worker"},
    {"worker_http", "worker-http"},
    {"runtime", "runtime"},
    {"lua", "lua"},
}};

json::array items_of(const json::object& page) {
    const auto* items = page.if_contains("items");
    return items != nullptr && items->is_array() ? items->get_array() : json::array();
}

// What a function runs, in one line: its command, its folder or the version of its script.
std::string runs(const json::object& sink) {
    std::string line = at_path(sink, "folder");
    if (const auto* command = sink.if_contains("command"); command && command->is_array()) {
        for (const auto& word : command->get_array()) {
            if (word.is_string())
                line += (line.empty() ? "" : " ") + std::string(word.get_string());
        }
    }
    return line.empty() ? "version " + at_path(sink, "version") : line;
}

}  // namespace

CLI::App* FunctionCommands::add_verb(CLI::App& noun,
                                     const std::string& verb,
                                     const std::string& help,
                                     int (FunctionCommands::*run)()) {
    CLI::App* command = noun.add_subcommand(verb, help);
    command->callback([this, run] {
        session_.chosen = [this, run] {
            return (this->*run)();
        };
    });
    return command;
}

void FunctionCommands::add_role(CLI::App& verb) {
    verb.add_flag("--filter", filter_, "The script before the push that lets messages through");
    verb.add_flag("--transform", transform_, "The script before the push that changes the body")
        ->excludes("--filter");
}

void FunctionCommands::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("fn", "Functions: scripts, versions, logs");
    noun->require_subcommand(1);
    CLI::App* check = add_verb(*noun, "check", "Compile a script", &FunctionCommands::check);
    check->add_option("FILE", file_, "The Lua file")->required();
    CLI::App* test = add_verb(*noun,
                              "test",
                              "Run a script with an event, or with messages of the past",
                              &FunctionCommands::test);
    test->add_option("FILE", file_, "The Lua file")->required();
    test->add_option("--event", event_, "JSON file with the event");
    history_.add_to(*test);
    CLI::App* deploy =
        add_verb(*noun, "deploy", "Use a new version of a script", &FunctionCommands::deploy);
    deploy->add_option("NAME", name_, "TOPIC/NAME of the subscription")->required();
    deploy->add_option("FILE", file_, "The Lua file")->required();
    deploy->add_option("--note", note_, "What it changes");
    deploy->add_flag("--force", force_, "Also when the check finds errors");
    add_role(*deploy);
    CLI::App* rollback =
        add_verb(*noun, "rollback", "Use an earlier version again", &FunctionCommands::rollback);
    rollback->add_option("NAME", name_, "TOPIC/NAME of the subscription")->required();
    add_number(*rollback, "--to", version_, "This version (default: the one before)");
    add_role(*rollback);
    add_verb(*noun, "list", "The functions, or the versions of one", &FunctionCommands::list)
        ->add_option("NAME", name_, "TOPIC/NAME of the subscription");
    CLI::App* logs = add_verb(*noun, "logs", "What functions write", &FunctionCommands::logs);
    logs->add_option("NAME", name_, "TOPIC/NAME of the subscription (default: all)");
    logs->add_flag("--follow,-f", follow_, "Go on as lines come");
}

std::string FunctionCommands::role() const {
    if (filter_) return "filter";
    return transform_ ? "transform" : "handler";
}

int FunctionCommands::check() {
    return run_tool(session_, {"--check", file_}, ToolOutput::as_is);
}

int FunctionCommands::test() {
    if (history_.wanted() != event_.empty()) {
        return session_.fail(
            usage_failure("A test takes an event or messages of the past.",
                          "Say --event FILE or --sub TOPIC/NAME, one of the two."));
    }
    if (history_.wanted()) return history_.run(file_);
    std::vector<std::string> words = history_.fixtures();
    words.insert(words.begin(), {"--test", file_, "--event", event_});
    return run_tool(session_, words, ToolOutput::as_is);
}

boost::system::result<std::string, Failure> FunctionCommands::scripts_path(std::string_view rest) {
    const auto full = subscription_name(session_, name_);
    if (!full) return full.error();
    return subscription_path(*full) + "/scripts" + std::string(rest);
}

int FunctionCommands::deploy() {
    auto code = read_file(file_);
    if (!code) return session_.fail(code.error());
    if (!force_) {
        const int checked =
            run_tool(session_, {"--check", file_, "--role", role()}, ToolOutput::to_stderr);
        if (checked != exit_ok) return checked;
    }
    const auto path = scripts_path(force_ ? untried_scripts : std::string_view());
    if (!path) return session_.fail(path.error());
    json::object body;
    body["role"] = role();
    body["code"] = std::move(*code);
    std::string file = script_file_name(file_);
    if (!file.empty()) body["file"] = std::move(file);
    if (!note_.empty()) body["note"] = note_;
    const auto deployed = session_.send("POST", *path, body);
    if (!deployed) return session_.fail(deployed.error());
    return session_.say(
        "version " + at_path(*deployed, "version"),
        *deployed,
        "penstock fn logs " + name_ + " --follow   or back: penstock fn rollback " + name_);
}

int FunctionCommands::rollback() {
    const auto path = scripts_path("/activate");
    if (!path) return session_.fail(path.error());
    json::object body;
    body["role"] = role();
    put(body, "version", version_);
    const auto active = session_.send("POST", *path, body);
    if (!active) return session_.fail(active.error());
    return session_.say(
        "version " + at_path(*active, "version"), *active, "penstock fn list " + name_);
}

int FunctionCommands::list() {
    if (!name_.empty()) {
        const auto path = scripts_path();
        if (!path) return session_.fail(path.error());
        const auto page = session_.get(*path);
        if (!page) return session_.fail(page.error());
        json::array scripts = items_of(*page);
        for (auto& script : scripts) script.as_object()["subscription"] = name_;
        return session_.show(scripts, script_columns);
    }
    const auto all = session_.list("/v1/subscriptions");
    if (!all) return session_.fail(all.error());
    json::array functions;
    for (const auto& item : *all) {
        const json::object& subscription = item.get_object();
        for (const auto& [member, kind] : kinds) {
            const auto* sink = subscription.if_contains(member);
            if (sink == nullptr || !sink->is_object()) continue;
            json::object shown = subscription;
            shown["subscription"] =
                at_path(subscription, "topic") + "/" + at_path(subscription, "name");
            shown["kind"] = kind;
            shown["runs"] = runs(sink->get_object());
            functions.push_back(std::move(shown));
        }
    }
    return session_.show(functions, function_columns);
}

Called FunctionCommands::ask_logs() {
    std::string target = "/v1/functions/logs?after=" + std::to_string(last_line_);
    if (!name_.empty()) target += "&subscription=" + encoded(name_);
    return session_.get(target);
}

int FunctionCommands::show_lines(const json::object& page) {
    const Format format = session_.format();
    auto& out = session_.world().out;
    for (const auto& item : items_of(page)) {
        const json::object& line = item.get_object();
        if (format == Format::json || format == Format::ndjson) {
            out << json::serialize(line) << "\n";
            continue;
        }
        const std::string message = at_path(line, "message");
        out << at_path(line, "at") << " " << at_path(line, "subscription") << " "
            << at_path(line, "level") << (message.empty() ? "" : " [" + message + "]") << " "
            << escaped(at_path(line, "text")) << "\n";
    }
    out.flush();
    const auto* last = page.if_contains("last");
    if (last != nullptr && last->is_number()) last_line_ = last->to_number<std::uint64_t>();
    return exit_ok;
}

int FunctionCommands::logs() {
    if (!name_.empty()) {
        const auto full = subscription_name(session_, name_);
        if (!full) return session_.fail(full.error());
        name_ = *full;
    }
    while (true) {
        const auto page = ask_logs();
        if (!page) return session_.fail(page.error());
        show_lines(*page);
        if (!follow_) return exit_ok;
        boost::asio::io_context context;
        boost::asio::steady_timer(context, follow_pause).wait();
    }
}

}  // namespace penstock::cli
