#include "broker/cli/live_commands.h"

#include "broker/base/base64.h"
#include "broker/base/instant.h"
#include "broker/base/random.h"
#include "broker/cli/remote_server.h"
#include "sinks/client/url.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <charconv>
#include <chrono>
#include <csignal>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds look_pause{300};
constexpr std::uint32_t poll_s = 2;                  // a signal is heeded after it at the latest
constexpr std::uint32_t kept_s = 3'600;              // what nobody listens to any more goes then
constexpr std::uint64_t name_numbers = 1ULL << 32U;  // of a listener that was given no name
constexpr unsigned good_status_min = 200;
constexpr unsigned good_status_max = 299;

// Whether the user wants it to end: SIGINT and SIGTERM no longer end the process at once.
class Interrupt {
  public:
    Interrupt() {
        signals_.async_wait(
            [this](const boost::system::error_code& ec, int) { came_ = came_ || !ec; });
    }

    [[nodiscard]] bool came() {
        context_.poll();
        return came_;
    }

  private:
    boost::asio::io_context context_{1};
    boost::asio::signal_set signals_{context_, SIGINT, SIGTERM};
    bool came_ = false;
};

std::uint64_t number_of(const std::string& text) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::string body_of(const json::object& message) {
    const std::string encoded_body = at_path(message, "body_base64");
    if (encoded_body.empty()) return at_path(message, "body");
    return decode_base64(encoded_body).value_or(std::string());
}

std::string joined_tags(const json::object& message) {
    std::string text;
    const auto* tags = message.if_contains("tags");
    if (tags == nullptr || !tags->is_array()) return text;
    for (const auto& tag : tags->get_array()) {
        if (!tag.is_string()) continue;
        if (!text.empty()) text += ", ";
        text += std::string_view(tag.get_string());
    }
    return text;
}

}  // namespace

void LiveCommands::add_to(CLI::App& root) {
    const auto add_verb = [&](const char* verb, const char* help, int (LiveCommands::*run)()) {
        CLI::App* command = root.add_subcommand(verb, help);
        command->callback([this, run] {
            session_.chosen = [this, run] {
                return (this->*run)();
            };
        });
        command->add_option("TOPIC", topic_, "The topic")->required();
        command->add_option("--tag", tags_, "With this tag; may be repeated")
            ->take_all()
            ->expected(1);
        add_number(*command, "--count", count_, "End after so many messages");
        return command;
    };
    CLI::App* tail =
        add_verb("tail", "Print what a topic gets, as it gets it", &LiveCommands::tail);
    tail->add_option("--from", from_, "Since when: RFC 3339 or -1h (now)");
    CLI::App* listen = add_verb(
        "listen", "Post what a topic gets to a URL, for development", &LiveCommands::listen);
    listen->add_option("--forward-to", url_, "Where to post each message")
        ->required()
        ->type_name("URL");
    listen->add_option("--bind", bindings_, "Routing keys like this; may be repeated")
        ->take_all()
        ->expected(1);
    listen->add_option("--name", name_, "Of its subscription and queue (listen-NUMBER)");
}

void LiveCommands::show_message(const json::object& message) {
    auto& out = session_.world().out;
    const Format format = session_.format();
    if (format == Format::json || format == Format::ndjson) {
        out << json::serialize(message) << "\n";
        return;
    }
    const std::string tags = joined_tags(message);
    out << at_path(message, "sent_at") << " " << at_path(message, "id")
        << (tags.empty() ? "" : " [" + escaped(tags) + "]") << " "
        << escaped(at_path(message, "body|body_base64")) << "\n";
}

// What came behind the position `last`; `since` is as late as may be.
std::optional<Failure> LiveCommands::show_new(std::string& since,
                                              std::uint64_t& last,
                                              std::uint64_t& shown) {
    std::string path =
        "/v1/topics/" + encoded(topic_) + "/messages?state=retained&from=" + encoded(since);
    for (const std::string& tag : tags_) path += "&tag=" + encoded(tag);
    const auto failure = each_item(session_, path, [&](const json::object& message) {
        const std::uint64_t position = number_of(at_path(message, "position"));
        if (position <= last) return true;
        last = position;
        since = at_path(message, "sent_at");
        show_message(message);
        ++shown;
        return !count_ || shown < *count_;
    });
    session_.world().out.flush();
    return failure;
}

int LiveCommands::tail() {
    const std::int64_t now_ms = session_.world().clock.wall_ms();
    const auto from_ms = from_.empty() ? now_ms : parse_time_ms(from_, now_ms);
    if (!from_ms) {
        return session_.fail(usage_failure("--from: '" + from_ + "' is not a time.",
                                           "It takes 2026-01-31T08:05:09Z or -1h."));
    }
    std::string since = format_instant(*from_ms);
    std::uint64_t last = 0;
    std::uint64_t shown = 0;
    while (true) {
        if (const auto failure = show_new(since, last, shown)) return session_.fail(*failure);
        if (count_ && shown >= *count_) return exit_ok;
        if (!session_.world().out) return exit_failure;  // nobody reads any more
        boost::asio::io_context context;
        boost::asio::steady_timer(context, look_pause).wait();
    }
}

std::optional<Failure> LiveCommands::subscribe() {
    json::object queue;
    queue["name"] = name_;
    queue["retention"] = kept_s;
    if (const auto made = session_.send("POST", "/v1/queues", queue); !made) return made.error();
    json::object subscription;
    subscription["name"] = name_;
    json::object sink;
    sink["name"] = name_;
    subscription["queue"] = std::move(sink);
    const auto put_list = [&](const char* field, const std::vector<std::string>& texts) {
        if (texts.empty()) return;
        json::array list;
        for (const std::string& text : texts) list.emplace_back(text);
        subscription[field] = std::move(list);
    };
    put_list("tags", tags_);
    put_list("bind", bindings_);
    const auto made =
        session_.send("POST", "/v1/topics/" + encoded(topic_) + "/subscriptions", subscription);
    if (made) return {};
    (void)session_.act("DELETE", "/v1/queues/" + encoded(name_));
    return made.error();
}

std::optional<Failure> LiveCommands::unsubscribe() {
    const auto left =
        session_.act("DELETE", "/v1/subscriptions/" + encoded(topic_) + "/" + encoded(name_));
    const auto gone = session_.act("DELETE", "/v1/queues/" + encoded(name_));
    if (!left) return left.error();
    if (!gone) return gone.error();
    return {};
}

// True: the URL took it.
bool LiveCommands::forward(const json::object& message) {
    World& world = session_.world();
    Post request;
    request.url = url_;
    request.body = body_of(message);
    const std::string type = at_path(message, "content_type");
    request.headers.emplace_back("Content-Type", type.empty() ? "text/plain" : type);
    request.headers.emplace_back("x-cmq-message-id", at_path(message, "id"));
    request.headers.emplace_back("x-cmq-message-tag", escaped(joined_tags(message)));
    for (const char* name : {"traceparent", "tracestate"}) {
        const std::string value = at_path(message, std::string("attributes.") + name);
        if (!value.empty()) request.headers.emplace_back(name, escaped(value));
    }
    const auto status = cli::post(request, world.clock);
    const bool taken = status && *status >= good_status_min && *status <= good_status_max;
    world.out << (status ? std::to_string(*status) : "failed") << " " << at_path(message, "id")
              << (status ? "" : " " + escaped(status.error().detail))
              << (taken ? "" : ", comes again") << "\n"
              << std::flush;
    return taken;
}

std::optional<Failure> LiveCommands::forward_all(std::uint64_t& forwarded) {
    json::object wanted;
    wanted["max"] = 1;
    wanted["wait"] = poll_s;
    Ask ask;
    ask.method = "POST";
    ask.target = "/v1/queues/" + encoded(name_) + "/receive";
    ask.body = json::serialize(wanted);
    ask.headers.emplace_back("Content-Type", "application/json");
    ask.wait_ms = poll_s * 1'000;
    const auto answer = session_.call(std::move(ask));
    if (!answer) return answer.error();
    const auto* messages = answer->if_contains("messages");
    if (messages == nullptr || !messages->is_array()) return {};
    for (const auto& message : messages->get_array()) {
        if (!message.is_object() || !forward(message.get_object())) continue;
        json::object receipts;
        receipts["receipts"] = json::array{at_path(message.get_object(), "receipt")};
        const auto done = session_.send("POST", "/v1/queues/" + encoded(name_) + "/ack", receipts);
        if (!done) return done.error();
        ++forwarded;
    }
    return {};
}

int LiveCommands::listen() {
    if (name_.empty()) {
        SystemRandom random;
        name_ = "listen-" + std::to_string(random.below(name_numbers));
    }
    const auto url = sinks::client::parse_url(url_);
    if (!url) {
        return session_.fail(usage_failure("--forward-to: " + url.error().detail + ".",
                                           "It looks like http://localhost:3000/hook."));
    }
    Interrupt interrupt;
    if (const auto failure = subscribe()) return session_.fail(*failure);
    session_.world().err << "subscribed as " << topic_ << "/" << name_ << ", posting to " << url_
                         << std::endl;
    std::optional<Failure> failure;
    std::uint64_t forwarded = 0;
    while (!failure && !interrupt.came() && (!count_ || forwarded < *count_)) {
        failure = forward_all(forwarded);
    }
    const auto unsubscribed = unsubscribe();
    if (failure) return session_.fail(*failure);
    return unsubscribed ? session_.fail(*unsubscribed) : static_cast<int>(exit_ok);
}

}  // namespace penstock::cli
