#include "broker/cli/operation_commands.h"

#include "broker/cli/subscription_commands.h"

#include <boost/json.hpp>

#include <set>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

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
                                {"DIED", "died_at"},
                                {"STATE", "state"},
                                {"EXCERPT", "excerpt"}};
const Columns delivery_columns = {{"MESSAGE", "message"},
                                  {"SUBSCRIPTION", "subscription"},
                                  {"ATTEMPT", "attempt"},
                                  {"STATUS", "status"},
                                  {"CODE", "http_status"},
                                  {"LATENCY US", "latency_us"},
                                  {"AT", "at"},
                                  {"NEXT", "due_at"},
                                  {"WHY", "reason"}};
const Columns place_columns = {{"WHERE", "object"},
                               {"KIND", "kind"},
                               {"STATE", "state"},
                               {"COUNT", "count"},
                               {"NEXT", "due_at"}};

json::array array_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_array() ? value->get_array() : json::array();
}

// The attempts at every place of a track, in its order.
json::array attempts_of(const json::object& track) {
    json::array all;
    for (const auto& place : array_in(track, "places")) {
        if (!place.is_object()) continue;
        for (const auto& attempt : array_in(place.get_object(), "attempts")) {
            if (attempt.is_object()) all.push_back(attempt);
        }
    }
    return all;
}

// Names that queues and subscriptions give as their dead-letter queue.
void collect(const json::array& items, std::string_view path, std::set<std::string>& names) {
    for (const auto& item : items) {
        const std::string name = at_path(item.get_object(), path);
        if (!name.empty()) names.insert(name);
    }
}

}  // namespace

CLI::App* OperationCommands::add_verb(CLI::App& noun,
                                      const std::string& verb,
                                      const std::string& help,
                                      int (OperationCommands::*run)()) {
    CLI::App* command = noun.add_subcommand(verb, help);
    command->callback([this, run] {
        session_.chosen = [this, run] {
            return (this->*run)();
        };
    });
    return command;
}

void OperationCommands::add_to(CLI::App& root) {
    CLI::App* dlq = root.add_subcommand("dlq", "Dead letters: what could not be delivered");
    dlq->require_subcommand(1);
    add_verb(*dlq, "list", "The dead-letter queues", &OperationCommands::list_dead_letter_queues);
    const std::string which = "A dead-letter queue, or TOPIC/NAME of a subscription";
    CLI::App* show = add_verb(*dlq, "show", "The letters", &OperationCommands::show_dead_letters);
    show->add_option("NAME", name_, which)->required();
    show->add_option("MESSAGE", message_, "All about this one");
    CLI::App* redrive = add_verb(*dlq, "redrive", "Send letters back", &OperationCommands::redrive);
    redrive->add_option("NAME", name_, which)->required();
    redrive->add_option("MESSAGE", messages_, "Only these");
    redrive->add_flag("--preview", preview_, "Only count them");

    CLI::App* delivery = root.add_subcommand("delivery", "Attempts to deliver");
    delivery->require_subcommand(1);
    CLI::App* list =
        add_verb(*delivery, "list", "Newest first", &OperationCommands::list_deliveries);
    list->add_option("--sub", subscription_, "Of this subscription: TOPIC/NAME");
    list->add_option("--status", status_, "ok, failed or retry")
        ->check(CLI::IsMember({"ok", "failed", "retry"}));
    add_number(*list, "--limit", limit_, "At most so many, 1 to 1000 (50)");
    CLI::App* one = add_verb(
        *delivery, "show", "Every attempt of a message", &OperationCommands::show_delivery);
    one->add_option("MESSAGE", message_, "The message's id")->required();
    add_number(*one, "--attempt", attempt_, "Only this attempt, all about it");

    CLI::App* message = root.add_subcommand("message", "Where a message is");
    message->require_subcommand(1);
    add_verb(*message, "track", "Every place and attempt", &OperationCommands::track)
        ->add_option("ID", message_, "The message's id")
        ->required();
}

std::string OperationCommands::letters_path(std::string_view rest) const {
    return "/v1/dead-letters/" + encoded(name_) + std::string(rest);
}

// The automatic ones, and queues that something names as its dead-letter queue.
int OperationCommands::list_dead_letter_queues() {
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

int OperationCommands::show_dead_letters() {
    const auto letters = session_.list(letters_path());
    if (!letters) return session_.fail(letters.error());
    if (message_.empty()) return session_.show(*letters, letter_columns);
    for (const auto& letter : *letters) {
        if (at_path(letter.get_object(), "id") == message_)
            return session_.show(letter.get_object());
    }
    Failure failure;
    failure.exit_code = exit_not_found;
    failure.what = "There is no letter " + message_ + " in " + name_ + ".";
    failure.code = "message_not_found";
    failure.next = "'penstock dlq show " + name_ + "' lists the letters.";
    return session_.fail(failure);
}

int OperationCommands::redrive() {
    json::object body;
    json::array ids;
    for (const auto& id : messages_) {
        ids.emplace_back(id);
    }
    if (!ids.empty()) body["messages"] = std::move(ids);
    if (preview_) body["preview"] = true;
    const auto started = session_.send("POST", letters_path("/redrive"), body);
    if (!started) return session_.fail(started.error());
    const std::string count = at_path(*started, "messages");
    return session_.say(preview_ ? "would redrive " + count : "redriving " + count,
                        *started,
                        preview_ ? "penstock dlq redrive " + name_ : "penstock delivery list");
}

int OperationCommands::list_deliveries() {
    std::string target = "/v1/deliveries?limit=" + std::to_string(limit_.value_or(50));
    if (!status_.empty()) target += "&status=" + status_;
    if (!subscription_.empty()) {
        const auto full = subscription_name(session_, subscription_);
        if (!full) return session_.fail(full.error());
        target += "&subscription=" + encoded(*full);
    }
    const auto page = session_.get(target);
    if (!page) return session_.fail(page.error());
    return session_.show(array_in(*page, "items"), delivery_columns);
}

int OperationCommands::show_delivery() {
    const auto track = session_.get("/v1/messages/" + encoded(message_) + "/track");
    if (!track) return session_.fail(track.error());
    json::array attempts = attempts_of(*track);
    if (!attempt_) return session_.show(attempts, delivery_columns);
    for (const auto& attempt : attempts) {
        if (at_path(attempt.get_object(), "attempt") == std::to_string(*attempt_)) {
            return session_.show(attempt.get_object());
        }
    }
    Failure failure;
    failure.exit_code = exit_not_found;
    failure.what = "Message " + message_ + " has no attempt " + std::to_string(*attempt_) + ".";
    failure.next = "'penstock delivery show " + message_ + "' lists its attempts.";
    return session_.fail(failure);
}

int OperationCommands::track() {
    const auto track = session_.get("/v1/messages/" + encoded(message_) + "/track");
    if (!track) return session_.fail(track.error());
    const Format format = session_.format();
    if (format == Format::json || format == Format::ndjson) return session_.show(*track);
    json::object head = *track;
    head.erase("places");
    session_.show(head);
    auto& out = session_.world().out;
    out << "\n";
    session_.show(array_in(*track, "places"), place_columns);
    const json::array attempts = attempts_of(*track);
    if (attempts.empty()) return exit_ok;
    out << "\n";
    return session_.show(attempts, delivery_columns);
}

}  // namespace penstock::cli
