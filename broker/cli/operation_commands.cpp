#include "broker/cli/operation_commands.h"

#include "broker/cli/subscription_commands.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::uint64_t limit_default = 50;
constexpr std::uint64_t follow_page = 1'000;  // as many as one answer lists
constexpr std::chrono::milliseconds follow_pause{500};

const Columns delivery_columns = {{"MESSAGE", "message"},
                                  {"SUBSCRIPTION", "subscription"},
                                  {"ATTEMPT", "attempt"},
                                  {"STATUS", "status"},
                                  {"CODE", "http_status"},
                                  {"LATENCY US", "latency_us"},
                                  {"AT", "at"},
                                  {"NEXT", "due_at"},
                                  {"WHY", "reason"},
                                  {"WAITS FOR", "why"}};
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
    CLI::App* delivery = root.add_subcommand("delivery", "Attempts to deliver");
    delivery->require_subcommand(1);
    CLI::App* list =
        add_verb(*delivery, "list", "Newest first", &OperationCommands::list_deliveries);
    list->add_option("--sub", subscription_, "Of this subscription: TOPIC/NAME");
    list->add_option("--status", status_, "ok, failed, retry or parked")
        ->check(CLI::IsMember({"ok", "failed", "retry", "parked"}));
    add_number(*list, "--limit", limit_, "At most so many, 1 to 1000 (50)");
    list->add_flag("--follow,-f", follow_, "Oldest first, and go on as attempts are made");
    CLI::App* one = add_verb(
        *delivery, "show", "Every attempt of a message", &OperationCommands::show_delivery);
    one->add_option("MESSAGE", message_, "The message's id")->required();
    add_number(*one, "--attempt", attempt_, "Only this attempt, all about it");

    CLI::App* retry = add_verb(*delivery,
                               "retry",
                               "Try a message that waits at once, its retries before it again",
                               &OperationCommands::retry_delivery);
    CLI::App* drop = add_verb(*delivery,
                              "drop",
                              "Give up a message that waits; what waits behind it goes on",
                              &OperationCommands::drop_delivery);
    for (CLI::App* verb : {retry, drop}) {
        verb->add_option("MESSAGE", message_, "The message's id")->required();
        verb->add_option("--sub", subscription_, "The subscription: TOPIC/NAME")->required();
    }
    drop->add_flag("--yes", session_.yes, "Do not ask");

    CLI::App* message = root.add_subcommand("message", "Where a message is");
    message->require_subcommand(1);
    add_verb(*message, "track", "Every place and attempt", &OperationCommands::track)
        ->add_option("ID", message_, "The message's id")
        ->required();
}

int OperationCommands::list_deliveries() {
    const std::uint64_t limit = follow_ ? follow_page : limit_.value_or(limit_default);
    std::string target = "/v1/deliveries?limit=" + std::to_string(limit);
    if (!status_.empty()) target += "&status=" + status_;
    if (!subscription_.empty()) {
        const auto full = subscription_name(session_, subscription_);
        if (!full) return session_.fail(full.error());
        target += "&subscription=" + encoded(*full);
    }
    if (follow_) return follow_deliveries(target);
    const auto page = session_.get(target);
    if (!page) return session_.fail(page.error());
    return session_.show(array_in(*page, "items"), delivery_columns);
}

// Ends when nobody reads it. What fills more than a page between two looks is not seen.
int OperationCommands::follow_deliveries(const std::string& target) {
    std::set<std::string> seen;
    auto& out = session_.world().out;
    const bool for_machines = session_.output == "json" || session_.output == "ndjson";
    std::uint64_t room = limit_.value_or(limit_default);  // for those that were made before
    while (out) {
        const auto page = session_.get(target);
        if (!page) return session_.fail(page.error());
        std::set<std::string> now;
        json::array fresh;
        for (const auto& item : array_in(*page, "items")) {
            std::string text = json::serialize(item);
            if (seen.count(text) == 0 && fresh.size() < room) fresh.push_back(item);
            now.insert(std::move(text));
        }
        std::reverse(fresh.begin(), fresh.end());
        seen = std::move(now);
        room = follow_page;
        print_items(out, for_machines ? Format::ndjson : Format::lines, fresh, delivery_columns);
        boost::asio::io_context context;
        boost::asio::steady_timer(context, follow_pause).wait();
    }
    return exit_ok;
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

int OperationCommands::release(const std::string& verb) {
    const auto full = subscription_name(session_, subscription_);
    if (!full) return session_.fail(full.error());
    const auto done = session_.act(
        "POST", subscription_path(*full) + "/deliveries/" + encoded(message_) + "/" + verb);
    if (!done) return session_.fail(done.error());
    return exit_ok;
}

int OperationCommands::retry_delivery() {
    return release("retry");
}

int OperationCommands::drop_delivery() {
    int code = exit_ok;
    if (!session_.confirmed("give up message " + message_ + "?", code)) return code;
    return release("drop");
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
