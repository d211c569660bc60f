#include "broker/cli/trial.h"

#include "broker/cli/subscription_commands.h"
#include "broker/cli/track_place.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <chrono>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds look_pause{250};
constexpr std::uint64_t looks_a_second = 4;
constexpr std::uint64_t wait_s_usual = 30;

std::string first_of(const json::object& object, std::string_view name) {
    const auto* list = object.if_contains(name);
    if (list == nullptr || !list->is_array() || list->get_array().empty()) return {};
    const auto& first = list->get_array().front();
    return first.is_string() ? std::string(std::string_view(first.get_string())) : std::string();
}

// A key that the pattern takes: each wildcard stands for one word.
std::string key_for(std::string_view pattern) {
    std::string key;
    for (const char letter : pattern) {
        if (letter == '*' || letter == '#') {
            key += "test";
        } else {
            key.push_back(letter);
        }
    }
    return key;
}

json::object last_attempt(const json::object& track, const std::string& full) {
    const json::object* place = place_of(track, full);
    const auto* attempts = place == nullptr ? nullptr : place->if_contains("attempts");
    const bool some = attempts != nullptr && attempts->is_array() && !attempts->get_array().empty();
    if (some && attempts->get_array().back().is_object()) {
        return attempts->get_array().back().get_object();
    }
    return {};
}

// What goes to a queue is handed over, not tried: what became of it, told as an attempt is. Empty:
// nothing yet.
json::object handed_over(const json::object& track,
                         const std::string& full,
                         const json::object& subscription) {
    const json::object* place = place_of(track, full);
    const std::string queue = at_path(subscription, "queue.name");
    if (queue.empty() || place == nullptr || at_path(*place, "state") != "settled") return {};
    const std::string dead_letter = at_path(subscription, "dead_letter");
    const bool dead = dead_letter != queue && place_of(track, dead_letter) != nullptr;
    json::object told;
    told["message"] = at_path(track, "id");
    told["subscription"] = full;
    told["status"] = dead ? "dead" : "ok";
    told["target"] = dead ? dead_letter : queue;
    return told;
}

}  // namespace

void Trial::add_to(CLI::App& root) {
    CLI::App* verb = root.get_subcommand("sub")->add_subcommand(
        "test", "Publish one message and tell what this subscription made of it");
    verb->callback([this] {
        session_.chosen = [this] {
            return run();
        };
    });
    verb->add_option("NAME", name_, "TOPIC/NAME, or NAME where it is unique")->required();
    verb->add_option("BODY", body_, "The message (penstock sub test)");
    verb->add_option("--tag", tags_, "Its tags (the first one the subscription asks for)")
        ->take_all()
        ->expected(1);
    verb->add_option("--key", key_, "Its routing key (one that the subscription asks for)");
    add_seconds(*verb, "--wait", wait_s_, "For its first attempt (30s)");
    verb->add_flag("--yes", session_.yes, "Do not ask, though other subscriptions get it too");
}

void Trial::fit_to(const json::object& subscription) {
    if (tags_.empty() && key_.empty()) {
        const std::string tag = first_of(subscription, "tags");
        if (!tag.empty()) tags_.push_back(tag);
        key_ = key_for(first_of(subscription, "bind"));
    }
}

Called Trial::publish(const std::string& topic) {
    Ask ask;
    ask.method = "POST";
    ask.target = "/v1/topics/" + encoded(topic) + "/messages";
    std::string query;
    for (const std::string& tag : tags_) query += "&tag=" + encoded(tag);
    if (!key_.empty()) query += "&key=" + encoded(key_);
    if (!query.empty()) ask.target += "?" + query.substr(1);
    ask.body = body_;
    return session_.call(std::move(ask));
}

Called Trial::attempt_of(const std::string& message,
                         const std::string& full,
                         const json::object& subscription) {
    const auto track = session_.get("/v1/messages/" + encoded(message) + "/track");
    if (track) {
        auto attempt = last_attempt(*track, full);
        return attempt.empty() ? handed_over(*track, full, subscription) : attempt;
    }
    // It may have come and gone, or not be told of yet.
    if (track.error().exit_code == exit_not_found) return json::object();
    return track.error();
}

int Trial::show(const std::string& message,
                const std::string& full,
                const json::object& subscription) {
    const std::uint64_t looks = wait_s_.value_or(wait_s_usual) * looks_a_second;
    for (std::uint64_t look = 0;; ++look) {
        const auto attempt = attempt_of(message, full, subscription);
        if (!attempt) return session_.fail(attempt.error());
        if (!attempt->empty()) {
            session_.show(*attempt, "penstock message track " + message);
            return at_path(*attempt, "status") == "ok" ? exit_ok : exit_failure;
        }
        if (look == looks) break;
        boost::asio::io_context context;
        boost::asio::steady_timer(context, look_pause).wait();
    }
    Failure failure;
    failure.exit_code = exit_timeout;
    failure.what = full + " has not tried message " + message + " yet.";
    failure.next = "'penstock sub info " + full + "' says what waits; its filter, or track.mode " +
                   "\"off\", may be why nothing is seen.";
    return session_.fail(failure);
}

int Trial::run() {
    const auto full = subscription_name(session_, name_);
    if (!full) return session_.fail(full.error());
    const auto subscription = session_.get(subscription_path(*full));
    if (!subscription) return session_.fail(subscription.error());
    const std::string state = at_path(*subscription, "state");
    if (state != "active") {
        Failure failure;
        failure.exit_code = exit_conflict;
        failure.what = *full + " is " + state + ": nothing is delivered.";
        failure.next = "penstock sub resume " + *full;
        return session_.fail(failure);
    }
    const std::string topic = at_path(*subscription, "topic");
    const auto all = session_.list("/v1/topics/" + encoded(topic) + "/subscriptions");
    if (!all) return session_.fail(all.error());
    int code = exit_ok;
    const std::string question =
        "publish a message to all " + std::to_string(all->size()) + " subscriptions of " + topic;
    if (all->size() > 1 && !session_.confirmed(question + "?", code)) return code;
    fit_to(*subscription);
    const auto sent = publish(topic);
    if (!sent) return session_.fail(sent.error());
    return show(at_path(*sent, "id"), *full, *subscription);
}

}  // namespace penstock::cli
