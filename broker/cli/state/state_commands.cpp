#include "broker/cli/state/state_commands.h"

#include "broker/cli/sink_flags.h"
#include "broker/cli/state/document.h"
#include "broker/cli/subscription_commands.h"
#include "broker/model/account_name.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

std::string mark_of(Action action) {
    switch (action) {
        case Action::create:
            return "+";
        case Action::change:
            return "~";
        case Action::remove:
            return "-";
        case Action::conflict:
            return "!";
    }
    return {};
}

std::string word_of(Action action) {
    switch (action) {
        case Action::create:
            return "create";
        case Action::change:
            return "change";
        case Action::remove:
            return "delete";
        case Action::conflict:
            return "conflict";
    }
    return {};
}

// Scripts and the like are long: their beginning tells them.
std::string shortened(const json::value& value) {
    constexpr std::size_t shown_bytes = 60;
    if (value.is_null()) return "nothing";
    std::string text = value.is_string() ? std::string(value.get_string()) : json::serialize(value);
    if (text.size() > shown_bytes) text = text.substr(0, shown_bytes) + "...";
    return escaped(text);
}

std::string line_of(const Step& step) {
    std::string line = mark_of(step.action) + " " + to_text(step.kind) + " " + escaped(step.name);
    std::string separator = ": ";
    for (const Change& change : step.changes) {
        line += separator + change.member + " " + shortened(change.from) + " -> " +
                shortened(change.to);
        separator = ", ";
    }
    if (!step.why.empty()) line += separator + step.why;
    return line;
}

json::object object_of(const Step& step) {
    json::array changes;
    for (const Change& change : step.changes) {
        changes.push_back(
            json::object{{"member", change.member}, {"from", change.from}, {"to", change.to}});
    }
    json::object out{{"action", word_of(step.action)},
                     {"kind", to_text(step.kind)},
                     {"name", step.name},
                     {"changes", std::move(changes)}};
    if (!step.why.empty()) out["why"] = step.why;
    return out;
}

std::size_t count_of(const std::vector<Step>& steps, Action action) {
    return static_cast<std::size_t>(std::count_if(
        steps.begin(), steps.end(), [action](const Step& step) { return step.action == action; }));
}

// A signing secret is shown once, to whoever made the subscription.
void tell_secret(Session& session, const Step& step, const json::object& answer) {
    const std::string secret = at_path(answer, "secret");
    if (secret.empty()) return;
    session.world().out << "  secret of " << step.name << ": " << secret << "\n";
}

// What of the subscriptions a document leaves out.
std::string unwritten_secrets(const Actual& actual) {
    std::string names;
    for (const auto& [name, shown] : actual.subscriptions) {
        for (const auto& [member, value] : shown) {
            if (!holds_secret(member, value)) continue;
            names += (names.empty() ? "" : ", ") + name + " " + std::string(member);
        }
    }
    return names;
}

Failure conflicts(const std::vector<Step>& steps) {
    Failure failure;
    failure.exit_code = exit_conflict;
    for (const Step& step : steps) {
        if (step.action != Action::conflict) continue;
        if (!failure.what.empty()) failure.what += " ";
        failure.what += to_text(step.kind) + " " + step.name + ": " + step.why + ".";
    }
    failure.code = "not_in_place";
    failure.next = "Nothing was done. Delete what must become something else, or put it right.";
    return failure;
}

// What a root key sees of other accounts is for their own documents: --prune would delete it.
bool is_own(const std::string& name) {
    return model::account_of(name).empty();
}

bool takes_scripts(const Request& request) {
    return request.method == "POST" &&
           (request.path.ends_with("/subscriptions") || request.path.ends_with("/scripts"));
}

}  // namespace

void StateCommands::add_to(CLI::App& root) {
    const auto add =
        [&](const std::string& verb, const std::string& help, int (StateCommands::*run)()) {
            CLI::App* command = root.add_subcommand(verb, help);
            command->callback([this, run] {
                session_.chosen = [this, run] {
                    return (this->*run)();
                };
            });
            return command;
        };
    CLI::App* apply =
        add("apply", "Make the server hold what a file describes", &StateCommands::apply);
    CLI::App* diff = add("diff", "Show what apply would do", &StateCommands::diff);
    for (CLI::App* command : {apply, diff}) {
        command
            ->add_option("-f,--file",
                         file_,
                         "TOML, JSON or YAML by its ending; - reads TOML from standard input")
            ->required()
            ->type_name("FILE");
        command->add_flag("--prune", prune_, "Delete what the file does not name");
    }
    apply->add_flag("--yes", session_.yes, "Do not ask before deleting");
    apply->add_flag("--force", force_, "Also with scripts that do not load");
    diff->add_flag("--exit-code", exit_code_, "Exit with 1 when there is something to do");
    add("export", "Print what the server holds as such a file", &StateCommands::export_all)
        ->add_option(
            "-f,--file", file_, "Write it there, as its ending says (TOML to standard output)")
        ->type_name("FILE");
}

boost::system::result<Vocabulary, Failure> StateCommands::vocabulary() {
    const auto description = session_.get("/v1/openapi.json");
    if (!description) return description.error();
    return vocabulary_of(*description);
}

boost::system::result<json::array, Failure> StateCommands::scripts(
    const std::string& subscription) {
    const auto all = session_.get(subscription_path(subscription) + "/scripts?code=true");
    if (!all) return all.error();
    json::array used;
    for (const json::value& script : all->at("items").get_array()) {
        const json::object& one = script.get_object();
        if (one.at("in_use").get_bool() && one.contains("code")) used.push_back(script);
    }
    return used;
}

boost::system::result<Actual, Failure> StateCommands::actual() {
    Actual found;
    const auto queues = session_.list("/v1/queues?all=false");
    if (!queues) return queues.error();
    for (const json::value& queue : *queues) {
        const std::string name = at_path(queue.get_object(), "name");
        if (is_own(name)) found.queues[name] = queue.get_object();
    }
    const auto topics = session_.list("/v1/topics");
    if (!topics) return topics.error();
    for (const json::value& topic : *topics) {
        const std::string name = at_path(topic.get_object(), "name");
        if (is_own(name)) found.topics[name] = topic.get_object();
    }
    const auto subscriptions = session_.list("/v1/subscriptions");
    if (!subscriptions) return subscriptions.error();
    for (const json::value& value : *subscriptions) {
        json::object subscription = value.get_object();
        const std::string name =
            at_path(subscription, "topic") + "/" + at_path(subscription, "name");
        if (!is_own(name)) continue;
        const bool scripted = subscription.contains("lua") || subscription.contains("filter_lua") ||
                              subscription.contains("transform_lua");
        if (scripted) {
            auto used = scripts(name);
            if (!used) return used.error();
            subscription["scripts"] = std::move(*used);
        }
        found.subscriptions[name] = std::move(subscription);
    }
    return found;
}

StateCommands::Planned StateCommands::plan() {
    std::string text;
    std::string folder = ".";
    if (file_ == "-") {
        std::istream& in = session_.world().in;
        text.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    } else {
        auto read = read_file(file_);
        if (!read) return read.error();
        text = std::move(*read);
        folder = std::filesystem::path(file_).parent_path().string();
    }
    const auto document = parse_document(text, notation_of(file_), file_);
    if (!document) return document.error();
    const auto desired = read_desired(*document, folder);
    if (!desired) return desired.error();
    const auto known = vocabulary();
    if (!known) return known.error();
    const auto there = actual();
    if (!there) return there.error();
    return make_plan(*desired, *there, *known, prune_);
}

void StateCommands::show(const std::vector<Step>& steps) {
    std::ostream& out = session_.world().out;
    const Format format = session_.format();
    if (format == Format::table || format == Format::lines) {
        for (const Step& step : steps) out << line_of(step) << "\n";
        return;
    }
    json::array all;
    for (const Step& step : steps) all.push_back(object_of(step));
    print_items(out, format, all, {});
}

int StateCommands::diff() {
    const auto steps = plan();
    if (!steps) return session_.fail(steps.error());
    show(*steps);
    if (count_of(*steps, Action::conflict) != 0) return session_.fail(conflicts(*steps));
    return exit_code_ && !steps->empty() ? exit_failure : exit_ok;
}

int StateCommands::apply() {
    const auto steps = plan();
    if (!steps) return session_.fail(steps.error());
    if (count_of(*steps, Action::conflict) != 0) return session_.fail(conflicts(*steps));
    show(*steps);
    const std::size_t removals = count_of(*steps, Action::remove);
    int code = exit_ok;
    if (removals != 0 &&
        !session_.confirmed("delete " + std::to_string(removals) + " with their messages?", code)) {
        return code;
    }
    return carry_out(*steps);
}

int StateCommands::carry_out(const std::vector<Step>& steps) {
    std::size_t done = 0;
    for (const Step& step : steps) {
        for (const Request& request : step.requests) {
            std::string path = request.path;
            if (force_ && takes_scripts(request)) path += untried_scripts;
            const auto answer = request.body.empty()
                                    ? session_.act(request.method, path)
                                    : session_.send(request.method, path, request.body);
            if (answer) {
                tell_secret(session_, step, *answer);
                continue;
            }
            Failure failure = answer.error();
            failure.what = to_text(step.kind) + " " + step.name + ": " + failure.what + "; " +
                           std::to_string(done) + " of " + std::to_string(steps.size()) +
                           " were done; apply it again when this is put right.";
            return session_.fail(failure);
        }
        ++done;
    }
    const Format format = session_.format();
    if (format == Format::table || format == Format::lines) {
        session_.world().out << (steps.empty() ? "nothing to do" : std::to_string(done) + " done")
                             << "\n";
    }
    return exit_ok;
}

int StateCommands::export_all() {
    const auto known = vocabulary();
    if (!known) return session_.fail(known.error());
    const auto there = actual();
    if (!there) return session_.fail(there.error());
    if (const std::string left_out = unwritten_secrets(*there); !left_out.empty()) {
        session_.world().err << "penstock: secrets are not exported: " << left_out << "\n";
    }
    const bool to_output = file_.empty() || file_ == "-";
    const std::string text = print_document(describe(*there, *known), notation_of(file_));
    if (to_output) {
        session_.world().out << text;
        return exit_ok;
    }
    std::ofstream out(file_, std::ios::binary);
    out << text;
    out.close();
    if (out) return exit_ok;
    const std::string why = std::strerror(errno);
    return session_.fail(usage_failure("'" + file_ + "' cannot be written: " + why));
}

}  // namespace penstock::cli
