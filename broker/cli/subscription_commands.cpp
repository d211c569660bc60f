#include "broker/cli/subscription_commands.h"

#include "broker/cli/tool.h"

#include <boost/json.hpp>

#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

const Columns subscription_columns = {{"TOPIC", "topic"},
                                      {"NAME", "name"},
                                      {"TO",
                                       "http.url|queue.name|exec.command|worker.command|worker_"
                                       "http.command|runtime.folder|to"},
                                      {"STATE", "state"},
                                      {"BACKLOG", "backlog"},
                                      {"WAITING", "waiting"},
                                      {"RETRY", "retry.name"},
                                      {"DEAD LETTERS TO", "dead_letter"}};

json::array list_of(const std::vector<std::string>& texts) {
    json::array list;
    for (const auto& text : texts) {
        list.emplace_back(text);
    }
    return list;
}

}  // namespace

std::string subscription_path(const std::string& full_name) {
    const auto slash = full_name.find('/');
    return "/v1/subscriptions/" + encoded(full_name.substr(0, slash)) + "/" +
           encoded(full_name.substr(slash + 1));
}

FullName subscription_name(Session& session, const std::string& given) {
    if (given.find('/') != std::string::npos) return given;
    const auto all = session.list("/v1/subscriptions?search=" + encoded(given));
    if (!all) return all.error();
    std::vector<std::string> found;
    for (const auto& item : *all) {
        const auto& subscription = item.get_object();
        if (at_path(subscription, "name") == given) {
            found.push_back(at_path(subscription, "topic") + "/" + given);
        }
    }
    if (found.size() == 1) return found.front();
    Failure failure;
    failure.exit_code = found.empty() ? exit_not_found : exit_conflict;
    failure.what = found.empty() ? "There is no subscription '" + given + "'."
                                 : "Several topics have a subscription '" + given + "'.";
    failure.code = found.empty() ? "subscription_not_found" : "ambiguous_name";
    failure.next = found.empty() ? "'penstock sub list' shows them."
                                 : "Name one as TOPIC/NAME, such as " + found.front() + ".";
    return failure;
}

CLI::App* SubscriptionCommands::add_verb(CLI::App& noun,
                                         const std::string& verb,
                                         const std::string& help,
                                         int (SubscriptionCommands::*run)()) {
    CLI::App* command = noun.add_subcommand(verb, help);
    command->callback([this, run] {
        session_.chosen = [this, run] {
            return (this->*run)();
        };
    });
    if (verb == "add") {
        command->add_option("TOPIC", topic_, "The topic")->required();
        command->add_option("NAME", name_, "The new subscription's name")->required();
    } else if (verb != "list") {
        command->add_option("NAME", name_, "TOPIC/NAME, or NAME where it is unique")->required();
    }
    return command;
}

void SubscriptionCommands::add_attributes(CLI::App& verb) {
    verb.add_option("--tag", tags_, "Only messages with this tag; may be repeated")
        ->take_all()
        ->expected(1);
    verb.add_option("--bind", bindings_, "Only keys of this pattern (a.*.b, a.#); may be repeated")
        ->take_all()
        ->expected(1);
    verb.add_option("--format", format_, "What an HTTP endpoint gets (cmq-json)")
        ->check(CLI::IsMember({"cmq-json",
                               "simplified",
                               "scf",
                               "cloudevents",
                               "cloudevents-structured",
                               "cloudevents-batch"}));
    verb.add_option("--sign", sign_, "Sign pushes; the secret is shown once")
        ->check(CLI::IsMember({"standard-webhooks", "standard-webhooks-ed25519", "none"}));
    verb.add_option("--header", headers_, "'name: value' in pushes; may be repeated")
        ->take_all()
        ->expected(1);
    verb.add_option("--basic", basic_, "USER:PASSWORD for pushes")
        ->excludes(verb.add_option("--bearer", bearer_, "Token for pushes"));
    CLI::Option* oauth2 = verb.add_option(
        "--oauth2", oauth2_, "CLIENT:SECRET, for which --token-url gives tokens for pushes");
    oauth2->excludes("--basic")->excludes("--bearer");
    CLI::Option* token_url =
        verb.add_option("--token-url", token_url_, "Where tokens come from (client credentials)");
    oauth2->needs(token_url);
    token_url->needs(oauth2);
    verb.add_option("--scope", scope_, "What tokens are asked for")->needs(oauth2);
    verb.add_option(
            "--retry", retry_, "backoff, exponential (default), standard, or pauses: 5s,5m-10m,30m")
        ->check([](const std::string& given) {
            return given.empty() ? std::string("there is nothing in it") : std::string();
        });
    add_number(verb, "--concurrency", concurrency_, "Attempts at a time, 1 to 1000 (16)");
    add_milliseconds(verb, "--timeout", timeout_ms_, "For one attempt (15s)");
}

void SubscriptionCommands::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("sub", "Subscriptions: where a topic's messages go");
    noun->require_subcommand(1);
    CLI::App* add = add_verb(*noun, "add", "Add a subscription", &SubscriptionCommands::add);
    sink_.add_to(*add);
    add_attributes(*add);
    push_.add_to(*add, true);
    tls_.add_to(*add, true);
    add->add_option("--dead-letter",
                    dead_letter_,
                    "Queue for what cannot be delivered, or none (default: one of its own)");
    add->add_flag("--force", force_, "Also when the check of a script finds errors");
    add->add_flag("--paused", paused_, "Deliver nothing until 'sub resume'");
    add_verb(*noun, "list", "The subscriptions", &SubscriptionCommands::list)
        ->add_option("TOPIC", topic_, "Of this topic only");
    add_verb(*noun, "info", "One subscription", &SubscriptionCommands::info);
    CLI::App* set = add_verb(*noun, "set", "Change attributes", &SubscriptionCommands::set);
    set->add_option("--http", http_, "Push to this URL");
    add_attributes(*set);
    set->add_flag("--rotate-secret", rotate_, "Sign with a new secret, shown once");
    add_seconds(*set, "--overlap", overlap_s_, "The old secret signs beside it for so long (24h)");
    push_.add_to(*set, false);
    tls_.add_to(*set, false);
    add_if_match(*set, session_.if_match);
    CLI::App* remove =
        add_verb(*noun, "delete", "Delete a subscription", &SubscriptionCommands::remove);
    remove->add_flag("--yes", session_.yes, "Do not ask");
    add_if_match(*remove, session_.if_match);
    add_verb(*noun, "pause", "Deliver nothing until resumed", &SubscriptionCommands::pause);
    add_verb(*noun, "resume", "Deliver again", &SubscriptionCommands::resume);
}

std::optional<Failure> SubscriptionCommands::put_credentials(json::object& body) const {
    json::object headers;
    for (const std::string& header : headers_) {
        const auto colon = header.find(':');
        const auto value = header.find_first_not_of(' ', colon + 1);
        if (colon == std::string::npos || colon == 0 || value == std::string::npos) {
            return usage_failure("A header is 'name: value'.", "--header 'x-api-key: 1234'");
        }
        headers[header.substr(0, colon)] = header.substr(value);
    }
    if (!headers.empty()) body["headers"] = std::move(headers);
    return put_authorization(body);
}

std::optional<Failure> SubscriptionCommands::put_authorization(json::object& body) const {
    if (basic_.empty() && bearer_.empty() && oauth2_.empty()) return {};
    json::object given;
    const std::string& pair = basic_.empty() ? oauth2_ : basic_;
    const auto colon = pair.find(':');
    if (bearer_.empty() && (colon == std::string::npos || colon == 0)) {
        return basic_.empty()
                   ? usage_failure("--oauth2 is CLIENT:SECRET.", "--oauth2 penstock:secret")
                   : usage_failure("--basic is USER:PASSWORD.", "--basic penstock:secret");
    }
    json::object authorization;
    if (!bearer_.empty()) {
        given["token"] = bearer_;
        authorization["bearer"] = std::move(given);
    } else if (!basic_.empty()) {
        given["user"] = pair.substr(0, colon);
        given["password"] = pair.substr(colon + 1);
        authorization["basic"] = std::move(given);
    } else {
        given["token_url"] = token_url_;
        given["client_id"] = pair.substr(0, colon);
        given["client_secret"] = pair.substr(colon + 1);
        if (!scope_.empty()) given["scope"] = scope_;
        authorization["oauth2"] = std::move(given);
    }
    body["authorization"] = std::move(authorization);
    return {};
}

boost::system::result<json::object, Failure> SubscriptionCommands::attributes() const {
    json::object body;
    if (!http_.empty()) {
        json::object http;
        http["url"] = http_;
        body["http"] = std::move(http);
    }
    if (!tags_.empty()) body["tags"] = list_of(tags_);
    if (!bindings_.empty()) body["bind"] = list_of(bindings_);
    if (!format_.empty()) body["format"] = format_;
    if (!sign_.empty()) body["sign"] = sign_;
    if (rotate_) body["rotate_secret"] = true;
    put(body, "overlap", overlap_s_);
    if (auto failure = put_credentials(body)) return *failure;
    if (!retry_.empty()) {
        auto retry = parse_retry(retry_);
        if (!retry) return retry.error();
        body["retry"] = std::move(*retry);
    }
    put(body, "concurrency", concurrency_);
    put(body, "timeout_ms", timeout_ms_);
    auto push = push_.push(sink_.is_runtime());
    if (!push) return push.error();
    if (!push->empty()) body["push"] = std::move(*push);
    auto tls = tls_.tls();
    if (!tls) return tls.error();
    if (!tls->empty()) body["tls"] = std::move(*tls);
    return body;
}

int SubscriptionCommands::check_scripts() {
    for (const auto& [role, file] : sink_.scripts()) {
        const int checked =
            run_tool(session_, {"--check", file, "--role", role}, ToolOutput::to_stderr);
        if (checked == exit_ok) continue;
        session_.world().err << "  Nothing was added. '--force' adds it without this check.\n";
        return checked;
    }
    return exit_ok;
}

int SubscriptionCommands::add() {
    auto body = attributes();
    if (!body) return session_.fail(body.error());
    auto sink = sink_.sink(push_.batch());
    if (!sink) return session_.fail(sink.error());
    const int checked = force_ ? static_cast<int>(exit_ok) : check_scripts();
    if (checked != exit_ok) return checked;
    for (auto& [member, value] : *sink) (*body)[member] = std::move(value);
    (*body)["name"] = name_;
    if (dead_letter_ == "none") {
        (*body)["dead_letter"] = nullptr;
    } else if (!dead_letter_.empty()) {
        (*body)["dead_letter"] = dead_letter_;
    }
    if (paused_) (*body)["paused"] = true;
    std::string path = "/v1/topics/" + encoded(topic_) + "/subscriptions";
    if (force_) path += untried_scripts;
    const auto made = session_.send("POST", path, *body);
    if (!made) return session_.fail(made.error());
    return session_.show(*made,
                         "penstock topic publish " + topic_ +
                             " hello   then   penstock delivery "
                             "list --sub " +
                             topic_ + "/" + name_);
}

int SubscriptionCommands::list() {
    auto all = session_.list(
        topic_.empty() ? "/v1/subscriptions" : "/v1/topics/" + encoded(topic_) + "/subscriptions");
    if (!all) return session_.fail(all.error());
    const Format format = session_.format();
    const bool for_people = format == Format::table || format == Format::lines;
    // A script has no address; what it is stands in its place.
    for (auto& item : *all) {
        json::object& subscription = item.get_object();
        if (for_people && subscription.contains("lua")) subscription["to"] = "lua";
    }
    return session_.show(*all, subscription_columns);
}

Called SubscriptionCommands::ask(const std::string& method, const std::string& rest) {
    const auto full = subscription_name(session_, name_);
    if (!full) return full.error();
    return session_.act(method, subscription_path(*full) + rest);
}

int SubscriptionCommands::info() {
    const auto subscription = ask("GET", "");
    if (!subscription) return session_.fail(subscription.error());
    return session_.show(*subscription);
}

int SubscriptionCommands::set() {
    const auto body = attributes();
    if (!body) return session_.fail(body.error());
    if (body->empty()) {
        return session_.fail(usage_failure("There is nothing to set.",
                                           "'penstock sub set --help' shows the flags."));
    }
    const auto full = subscription_name(session_, name_);
    if (!full) return session_.fail(full.error());
    const auto subscription = session_.send("PATCH", subscription_path(*full), *body);
    if (!subscription) return session_.fail(subscription.error());
    return session_.show(*subscription);
}

int SubscriptionCommands::remove() {
    int code = exit_ok;
    if (!session_.confirmed("delete subscription " + name_ + " and its backlog?", code))
        return code;
    const auto done = ask("DELETE", "");
    return done ? exit_ok : session_.fail(done.error());
}

int SubscriptionCommands::pause() {
    const auto done = ask("POST", "/pause");
    if (!done) return session_.fail(done.error());
    return session_.say("paused", *done, "penstock sub resume " + name_);
}

int SubscriptionCommands::resume() {
    const auto done = ask("POST", "/resume");
    if (!done) return session_.fail(done.error());
    return session_.say("active", *done, "penstock delivery list --sub " + name_);
}

}  // namespace penstock::cli
