#include "broker/cli/peek_commands.h"

#include "broker/base/instant.h"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::uint64_t limit_default = 50;

const Columns peek_columns = {{"ID", "id"},
                              {"STATE", "state"},
                              {"SENT", "sent_at"},
                              {"DUE", "due_at"},
                              {"RECEIVES", "receives"},
                              {"BODY", "body|body_base64"}};

}  // namespace

CLI::App* PeekCommands::add_verb(CLI::App& root,
                                 const std::string& noun,
                                 const std::string& verb,
                                 const std::string& help,
                                 int (PeekCommands::*run)()) {
    CLI::App* command = root.get_subcommand(noun)->add_subcommand(verb, help);
    command->callback([this, noun, run] {
        noun_ = noun;
        session_.chosen = [this, run] {
            return (this->*run)();
        };
    });
    command->add_option("NAME", name_, "The " + noun)->required();
    return command;
}

void PeekCommands::add_to(CLI::App& root) {
    for (const std::string noun : {"queue", "topic"}) {
        const bool queue = noun == "queue";
        CLI::App* peek = add_verb(
            root,
            noun,
            "peek",
            queue ? "Look at messages without receiving them" : "Look at the messages it retains",
            &PeekCommands::peek);
        const std::vector<std::string> states =
            queue
                ? std::vector<std::string>{"visible", "delayed", "in-flight", "deleted", "prepared"}
                : std::vector<std::string>{"retained", "delayed"};
        peek->add_option(
                "--state",
                state_,
                queue ? "visible (default), delayed, in-flight, prepared, or deleted but still "
                        "there"
                      : "retained (default) or delayed")
            ->check(CLI::IsMember(states))
            ->transform([](std::string given) {
                // As it is shown, too.
                std::replace(given.begin(), given.end(), '_', '-');
                return given;
            });
        (queue ? queue_flags_ : topic_flags_).add_to(*peek, false);
        add_number(*peek, "--limit", limit_, "At most so many (50)");
        add_verb(root, noun, "cancel", "Take delayed messages back", &PeekCommands::cancel)
            ->add_option("MESSAGE", messages_, "As peek --state delayed shows them")
            ->required();
        CLI::App* move = add_verb(
            root, noun, "move", "Give a delayed message another due time", &PeekCommands::move);
        move->add_option("MESSAGE", message_, "As peek --state delayed shows it")->required();
        move->add_option("--due", due_, "When: RFC 3339");
        add_seconds(*move, "--delay", delay_s_, "Or: so long from now");
    }
    add_verb(root, "queue", "pause", "Receives find nothing until resumed", &PeekCommands::pause);
    add_verb(root, "queue", "resume", "Receives find messages again", &PeekCommands::resume);
}

std::string PeekCommands::path(std::string_view rest) const {
    return "/v1/" + noun_ + "s/" + encoded(name_) + std::string(rest);
}

int PeekCommands::peek() {
    const auto query = (noun_ == "queue" ? queue_flags_ : topic_flags_).query(session_);
    if (!query) return session_.fail(query.error());
    std::string state = state_.empty() ? (noun_ == "queue" ? "visible" : "retained") : state_;
    std::replace(state.begin(), state.end(), '-', '_');
    return show_items(session_,
                      path("/messages?state=" + state + *query),
                      std::max<std::uint64_t>(1, limit_.value_or(limit_default)),
                      peek_columns);
}

int PeekCommands::cancel() {
    for (const std::string& message : messages_) {
        const auto done = session_.act("DELETE", path("/delayed/" + encoded(message)));
        if (!done) return session_.fail(done.error());
    }
    return exit_ok;
}

int PeekCommands::move() {
    if (due_.empty() == !delay_s_) {
        return session_.fail(usage_failure("Exactly one of --due TIME and --delay DURATION."));
    }
    json::object body;
    put(body, "delay", delay_s_);
    if (!due_.empty()) {
        const auto due_ms = parse_time_ms(due_, session_.world().clock.wall_ms());
        if (!due_ms) {
            return session_.fail(usage_failure("--due: '" + due_ + "' is not a time.",
                                               "It takes 2026-01-31T08:05:09Z."));
        }
        body["due_at"] = format_instant(*due_ms);
    }
    const auto done = session_.send("PATCH", path("/delayed/" + encoded(message_)), body);
    return done ? exit_ok : session_.fail(done.error());
}

int PeekCommands::set_paused(const std::string& verb,
                             const std::string& said,
                             const std::string& next) {
    const auto queue = session_.act("POST", path("/" + verb));
    if (!queue) return session_.fail(queue.error());
    return session_.say(said, *queue, next);
}

int PeekCommands::pause() {
    return set_paused("pause", "paused", "penstock queue resume " + name_);
}

int PeekCommands::resume() {
    return set_paused("resume", "active", "penstock queue receive " + name_);
}

}  // namespace penstock::cli
