#include "broker/cli/function_history.h"

#include "broker/base/hash.h"
#include "broker/base/instant.h"
#include "broker/cli/arguments.h"
#include "broker/cli/message_flags.h"
#include "broker/cli/subscription_commands.h"
#include "broker/cli/tool.h"
#include "broker/cli/track_place.h"
#include "broker/model/ids.h"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::uint64_t sample_default = 100;
constexpr std::uint64_t sample_max = 10'000;
constexpr std::uint64_t looked_at_max = 1'000'000;  // messages a sample is drawn from

const Columns history_columns = {{"MESSAGE", "message"},
                                 {"SENT", "sent_at"},
                                 {"WAS", "was"},
                                 {"NOW", "now"},
                                 {"ERROR", "error"},
                                 {"PUBLISHES", "publishes"},
                                 {"WRITES", "writes"},
                                 {"CALLS", "calls"}};

constexpr std::string_view accepted = "accepted";
constexpr std::string_view unknown = "unknown";

// What became of it there: the end of its last attempt.
std::string was(const json::object& place) {
    const auto* attempts = place.if_contains("attempts");
    if (attempts == nullptr || !attempts->is_array() || attempts->get_array().empty()) {
        return std::string(unknown);
    }
    const json::object& last = attempts->get_array().back().as_object();
    const std::string status = at_path(last, "status");
    if (status == "ok") return std::string(accepted);
    const std::string reason = at_path(last, "reason");
    return reason.empty() ? status : status + " (" + reason + ")";
}

std::size_t count_of(const json::object& report, std::string_view member) {
    const auto* items = report.if_contains(member);
    return items != nullptr && items->is_array() ? items->get_array().size() : 0;
}

// Settled then and now, or neither; what nobody knows of differs from nothing.
bool differs(const std::string& before, const std::string& now) {
    if (before == unknown) return false;
    const bool settles = now == accepted || now == "dropped";
    return settles != (before == accepted);
}

void move_member(json::object& to,
                 std::string_view name,
                 const json::object& from,
                 std::string_view called) {
    if (const auto* value = from.if_contains(called)) to[name] = *value;
}

}  // namespace

void FunctionHistory::add_to(CLI::App& verb) {
    CLI::Option* sub =
        verb.add_option("--sub",
                        name_,
                        "Instead of one event: messages that were for TOPIC/NAME, beside what "
                        "became of them. Nothing is changed");
    verb.add_option("--from", from_, "Messages since then: RFC 3339 or -24h (all retained)")
        ->needs(sub);
    add_number(verb, "--sample", sample_, "So many of them, drawn evenly (100)")->needs(sub);
    verb.add_flag("--diff", diff_, "Only those that end differently; exit code 1 when there are")
        ->needs(sub);
    verb.add_option("--kv", kv_, "JSON file with the values the script's store has");
    verb.add_option("--http", http_, "JSON file with the answers to its calls");
}

std::vector<std::string> FunctionHistory::fixtures() const {
    std::vector<std::string> words;
    if (!kv_.empty()) words.insert(words.end(), {"--kv", kv_});
    if (!http_.empty()) words.insert(words.end(), {"--http", http_});
    return words;
}

std::optional<Failure> FunctionHistory::draw(const std::string& topic, Sample& sample) {
    const std::uint64_t wanted = sample_.value_or(sample_default);
    std::string path = "/v1/topics/" + encoded(topic) + "/messages?state=retained";
    if (!from_.empty()) {
        const auto from_ms = parse_time_ms(from_, session_.world().clock.wall_ms());
        if (!from_ms) {
            return usage_failure("'" + from_ + "' is no time.",
                                 "It looks like -24h or 2026-01-31T08:00:00Z.");
        }
        path += "&from=" + encoded(format_instant(*from_ms));
    }
    std::uint64_t looked_at = 0;
    return each_item(session_, path, [&](const json::object& message) {
        const auto id = model::parse_decimal(at_path(message, "id"));
        if (id) sample.emplace(mix64(*id), message);
        if (sample.size() > wanted) sample.erase(std::prev(sample.end()));
        return ++looked_at < looked_at_max;
    });
}

std::string FunctionHistory::event_of(const json::object& message,
                                      const json::object& place) const {
    json::object event;
    const std::size_t slash = subscription_.find('/');
    event["topic"] = subscription_.substr(0, slash);
    event["subscription"] = subscription_.substr(slash + 1);
    event["attempt"] = 1;
    move_member(event, "id", message, "id");
    move_member(event, "tags", message, "tags");
    move_member(event, "routing_key", message, "key");
    move_member(event, "ordering_key", message, "ordering_key");
    move_member(event, "publish_time", message, "sent_at");
    move_member(event, "headers", message, "attributes");
    move_member(event, "content_type", message, "content_type");
    move_member(event, "body", message, "body");
    move_member(event, "body_base64", message, "body_base64");
    const auto* attempts = place.if_contains("attempts");
    if (attempts != nullptr && attempts->is_array() && !attempts->get_array().empty()) {
        move_member(event, "attempt", attempts->get_array().back().as_object(), "attempt");
    }
    return json::serialize(event);
}

// An empty object: it was not for the subscription.
boost::system::result<json::object, Failure> FunctionHistory::try_one(const std::string& file,
                                                                      const json::object& message) {
    const std::string id = at_path(message, "id");
    const auto track = session_.get("/v1/messages/" + id + "/track");
    if (!track) return track.error();
    const json::object* place = place_of(*track, subscription_);
    if (place == nullptr) return json::object();
    std::vector<std::string> words = fixtures();
    words.insert(words.begin(), {"--test", file});
    const auto ran = capture_tool(session_, words, "--event", event_of(message, *place));
    if (!ran) return ran.error();
    boost::system::error_code error;
    const json::value report = json::parse(ran->output, error);
    if (error || !report.is_object()) {
        Failure failure;
        failure.what = "The script cannot be tried.";
        failure.next = "penstock fn check " + file;
        return failure;
    }
    const json::object& result = report.get_object();
    json::object tried;
    tried["message"] = id;
    move_member(tried, "sent_at", message, "sent_at");
    tried["was"] = was(*place);
    tried["now"] = at_path(result, "outcome");
    move_member(tried, "error", result, "error");
    tried["differs"] = differs(at_path(tried, "was"), at_path(tried, "now"));
    tried["publishes"] = count_of(result, "publishes");
    tried["writes"] = count_of(result, "writes");
    tried["calls"] = count_of(result, "http");
    tried["result"] = result;
    return tried;
}

int FunctionHistory::show(const json::array& tried) {
    json::array shown;
    std::size_t different = 0;
    std::size_t untold = 0;
    for (const auto& one : tried) {
        const json::object& row = one.get_object();
        const bool other = row.at("differs").as_bool();
        if (other) ++different;
        if (at_path(row, "was") == unknown) ++untold;
        if (other || !diff_) shown.push_back(one);
    }
    session_.show(shown, history_columns);
    session_.world().err << tried.size() << " messages tried: " << different << " end differently, "
                         << untold << " nobody remembers the end of, " << not_meant_
                         << " were not for " << escaped(subscription_) << "\n";
    return diff_ && different > 0 ? exit_failure : exit_ok;
}

int FunctionHistory::run(const std::string& file) {
    if (sample_ && (*sample_ == 0 || *sample_ > sample_max)) {
        return session_.fail(
            usage_failure("--sample takes 1 to " + std::to_string(sample_max) + "."));
    }
    const auto full = subscription_name(session_, name_);
    if (!full) return session_.fail(full.error());
    subscription_ = *full;
    const auto there = session_.get(subscription_path(subscription_));
    if (!there) return session_.fail(there.error());
    Sample sample;
    const std::string topic = subscription_.substr(0, subscription_.find('/'));
    if (const auto failure = draw(topic, sample)) return session_.fail(*failure);
    std::vector<json::object> messages;
    for (auto& [hash, message] : sample) messages.push_back(std::move(message));
    std::sort(messages.begin(), messages.end(), [](const auto& left, const auto& right) {
        const auto place = [](const json::object& message) {
            return model::parse_decimal(at_path(message, "position")).value_or(0);
        };
        return place(left) < place(right);
    });
    json::array tried;
    for (const json::object& message : messages) {
        auto one = try_one(file, message);
        if (!one) return session_.fail(one.error());
        if (one->empty()) {
            ++not_meant_;
        } else {
            tried.push_back(std::move(*one));
        }
    }
    return show(tried);
}

}  // namespace penstock::cli
