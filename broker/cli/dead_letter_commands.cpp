#include "broker/cli/dead_letter_commands.h"

#include "broker/cli/subscription_commands.h"

#include <boost/json.hpp>

#include <algorithm>
#include <istream>
#include <iterator>
#include <set>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::uint64_t limit_default = 1'000;

const Columns dead_letter_queue_columns = {{"NAME", "name"},
                                           {"LETTERS", "messages.visible"},
                                           {"IN FLIGHT", "messages.in_flight"},
                                           {"OLDEST", "messages.oldest_at"},
                                           {"RETENTION", "retention"}};
const Columns letter_columns = {{"MESSAGE", "id"},
                                {"SOURCE", "source"},
                                {"REASON", "reason"},
                                {"STATUS", "last_status"},
                                {"ATTEMPTS", "attempts"},
                                {"REDRIVES", "redrives"},
                                {"DIED", "died_at"},
                                {"STATE", "state"},
                                {"EXCERPT", "excerpt"}};
const Columns attempt_columns = {{"ATTEMPT", "attempt"},
                                 {"AT", "at"},
                                 {"STATUS", "status"},
                                 {"CODE", "http_status"},
                                 {"LATENCY US", "latency_us"},
                                 {"TARGET", "target"},
                                 {"WHY", "reason"},
                                 {"VERSION", "version"},
                                 {"EXCERPT", "excerpt"}};

// Names that queues and subscriptions give as their dead-letter queue.
void collect(const json::array& items, std::string_view path, std::set<std::string>& names) {
    for (const auto& item : items) {
        const std::string name = at_path(item.get_object(), path);
        if (!name.empty()) names.insert(name);
    }
}

}  // namespace

CLI::App* DeadLetterCommands::add_verb(CLI::App& noun,
                                       const std::string& verb,
                                       const std::string& help,
                                       int (DeadLetterCommands::*run)()) {
    CLI::App* command = noun.add_subcommand(verb, help);
    command->callback([this, run, about_letters = noun.get_name() == "dlq"] {
        session_.chosen = [this, run, about_letters] {
            const auto failure = about_letters ? find_queue() : std::nullopt;
            return failure ? session_.fail(*failure) : (this->*run)();
        };
    });
    return command;
}

void DeadLetterCommands::add_to(CLI::App& root) {
    CLI::App* dlq = root.add_subcommand("dlq", "Dead letters: what could not be delivered");
    dlq->require_subcommand(1);
    add_verb(*dlq, "list", "The dead-letter queues", &DeadLetterCommands::list);
    const std::string which = "A dead-letter queue, or TOPIC/NAME of a subscription";
    CLI::App* show = add_verb(*dlq, "show", "The letters", &DeadLetterCommands::show);
    show->add_option("NAME", name_, which)->required();
    show->add_option("MESSAGE", message_, "All about this one, with every attempt");
    show_flags_.add_to(*show, true);
    add_number(*show, "--limit", limit_, "At most so many (1000)");
    CLI::App* redrive =
        add_verb(*dlq, "redrive", "Send letters back", &DeadLetterCommands::redrive);
    redrive->add_option("NAME", name_, which)->required();
    redrive->add_option("MESSAGE", messages_, "Only these");
    redrive_flags_.add_to(*redrive, true);
    redriving_.add_to(*redrive);
    CLI::App* exported = add_verb(*dlq,
                                  "export",
                                  "Print letters, one JSON object a line",
                                  &DeadLetterCommands::export_letters);
    exported->add_option("NAME", name_, which)->required();
    export_flags_.add_to(*exported, true);
    add_edit(*dlq);
    add_replay(*root.get_subcommand("sub"));
}

void DeadLetterCommands::add_edit(CLI::App& noun) {
    CLI::App* edit = add_verb(
        noun, "edit", "Send one letter back changed, under a new id", &DeadLetterCommands::edit);
    edit->add_option("NAME", name_, "A dead-letter queue, or TOPIC/NAME of a subscription")
        ->required();
    edit->add_option("MESSAGE", message_, "The letter")->required();
    edit->add_option("BODY", body_, "The new body; - reads standard input");
    edit->add_option("--tag", tags_, "Its tags from now on; may be repeated")
        ->take_all()
        ->expected(1);
    edit->add_option("--key", key_, "Its routing key from now on");
}

void DeadLetterCommands::add_replay(CLI::App& noun) {
    CLI::App* replay = add_verb(noun,
                                "replay",
                                "Deliver what the topic still has to this subscription once more",
                                &DeadLetterCommands::replay);
    replay->add_option("NAME", name_, "TOPIC/NAME, or NAME where it is unique")->required();
    replay_flags_.add_to(*replay, false);
    replaying_.add_to(*replay);
}

std::string DeadLetterCommands::path(std::string_view rest) const {
    return "/v1/dead-letters/" + encoded(name_) + std::string(rest);
}

std::optional<Failure> DeadLetterCommands::find_queue() {
    if (name_.find('/') == std::string::npos) return {};
    // One that is gone, or may not be looked at, may have left an automatic queue.
    const auto subscription = session_.get(subscription_path(name_));
    if (!subscription) return {};
    const auto* queue = subscription->if_contains("dead_letter");
    if (queue == nullptr) return {};
    if (queue->is_null()) {
        Failure failure;
        failure.exit_code = exit_not_found;
        failure.what = "'" + name_ + "' keeps no dead letters.";
        failure.next = "One that does is made without --dead-letter none.";
        return failure;
    }
    name_ = at_path(*subscription, "dead_letter");
    return {};
}

// The automatic ones, and queues that something names as its dead-letter queue.
int DeadLetterCommands::list() {
    auto found = session_.list("/v1/dead-letters");
    if (!found) return session_.fail(found.error());
    const auto queues = session_.list("/v1/queues");
    if (!queues) return session_.fail(queues.error());
    const auto subscriptions = session_.list("/v1/subscriptions");
    if (!subscriptions) return session_.fail(subscriptions.error());
    std::set<std::string> named;
    collect(*queues, "dead_letter.queue", named);
    collect(*subscriptions, "dead_letter", named);
    for (const auto& queue : *queues) {
        if (named.count(at_path(queue.get_object(), "name")) != 0) found->push_back(queue);
    }
    return session_.show(*found, dead_letter_queue_columns);
}

int DeadLetterCommands::show() {
    if (!message_.empty()) return show_one();
    const auto query = show_flags_.query(session_);
    if (!query) return session_.fail(query.error());
    return show_items(session_,
                      path("?bodies=true" + *query),
                      std::max<std::uint64_t>(1, limit_.value_or(limit_default)),
                      letter_columns);
}

int DeadLetterCommands::show_one() {
    auto letter = session_.get(path("/messages/" + encoded(message_)));
    if (!letter) return session_.fail(letter.error());
    const Format format = session_.format();
    if (format == Format::json || format == Format::ndjson) return session_.show(*letter);
    json::array history;
    if (const auto* value = letter->if_contains("history"); value != nullptr && value->is_array()) {
        history = value->get_array();
    }
    letter->erase("history");
    session_.show(*letter);
    if (history.empty()) return exit_ok;
    session_.world().out << "\n";
    return session_.show(history, attempt_columns);
}

// What a filter means is counted by going through the letters.
int DeadLetterCommands::preview_by_filter(const std::string& query) {
    std::uint64_t count = 0;
    const auto failure =
        each_item(session_, path("?bodies=false" + query), [&](const json::object& letter) {
            if (at_path(letter, "state") == "visible") ++count;
            return true;
        });
    if (failure) return session_.fail(*failure);
    json::object answer;
    answer["messages"] = count;
    answer["preview"] = true;
    return session_.say(
        "would redrive " + std::to_string(count), answer, "penstock dlq redrive " + name_);
}

int DeadLetterCommands::redrive() {
    if (redriving_.steers()) return redriving_.steer(path("/redrive"));
    json::object body;
    if (auto failure = redrive_flags_.put(session_, body)) return session_.fail(*failure);
    if (redriving_.preview() && messages_.empty() && !body.empty()) {
        const auto query = redrive_flags_.query(session_);
        if (!query) return session_.fail(query.error());
        return preview_by_filter(*query);
    }
    // The job looks at all letters, and takes those that the filter means.
    const std::string started = body.empty() ? "redriving " : "redriving at most ";
    if (auto failure = redriving_.put(body)) return session_.fail(*failure);
    json::array ids;
    for (const auto& id : messages_) ids.emplace_back(id);
    if (!ids.empty()) body["messages"] = std::move(ids);
    return redriving_.start(
        path("/redrive"), body, {"would redrive ", started}, "penstock dlq redrive " + name_);
}

int DeadLetterCommands::edit() {
    json::object body;
    if (body_ == "-") {
        body_.assign(std::istreambuf_iterator<char>(session_.world().in),
                     std::istreambuf_iterator<char>());
    }
    if (!body_.empty()) body["body"] = body_;
    if (!key_.empty()) body["key"] = key_;
    if (!tags_.empty()) {
        json::array tags;
        for (const auto& tag : tags_) tags.emplace_back(tag);
        body["tags"] = std::move(tags);
    }
    if (body.empty()) {
        return session_.fail(
            usage_failure("There is nothing to change.", "Give a BODY, --tag or --key."));
    }
    const auto edited =
        session_.send("POST", path("/messages/" + encoded(message_) + "/edit"), body);
    if (!edited) return session_.fail(edited.error());
    const std::string id = at_path(*edited, "id");
    return session_.say(id, *edited, "penstock message track " + id);
}

int DeadLetterCommands::export_letters() {
    const auto query = export_flags_.query(session_);
    if (!query) return session_.fail(query.error());
    auto& out = session_.world().out;
    const auto failure =
        each_item(session_, path("?bodies=true" + *query), [&](const json::object& letter) {
            out << json::serialize(letter) << "\n";
            return static_cast<bool>(out);
        });
    if (failure) return session_.fail(*failure);
    out.flush();
    if (out) return exit_ok;
    Failure broken;
    broken.what = "The letters could not be printed.";
    return session_.fail(broken);
}

int DeadLetterCommands::replay() {
    const auto full = subscription_name(session_, name_);
    if (!full) return session_.fail(full.error());
    const std::string target = subscription_path(*full) + "/replay";
    if (replaying_.steers()) return replaying_.steer(target);
    json::object body;
    if (auto failure = replay_flags_.put(session_, body)) return session_.fail(*failure);
    if (!body.contains("from")) {
        return session_.fail(usage_failure("--from is missing: since when?",
                                           "It takes 2026-01-31T08:05:09Z, or -1h."));
    }
    if (auto failure = replaying_.put(body)) return session_.fail(*failure);
    return replaying_.start(target,
                            body,
                            {"would replay at most ", "replaying at most "},
                            "penstock sub replay " + *full);
}

}  // namespace penstock::cli
