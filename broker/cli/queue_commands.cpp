#include "broker/cli/queue_commands.h"

#include "broker/base/instant.h"
#include "broker/cli/sending.h"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

const Columns queue_columns = {{"NAME", "name"},
                               {"VISIBLE", "messages.visible"},
                               {"IN FLIGHT", "messages.in_flight"},
                               {"DELAYED", "messages.delayed"},
                               {"VISIBILITY", "visibility"},
                               {"RETENTION", "retention"},
                               {"DEAD LETTERS TO", "dead_letter.queue"}};
const Columns message_columns = {
    {"ID", "id"}, {"RECEIPT", "receipt"}, {"RECEIVES", "receives"}, {"BODY", "body|body_base64"}};

}  // namespace

CLI::App* QueueCommands::add_verb(CLI::App& noun,
                                  const std::string& verb,
                                  const std::string& help,
                                  int (QueueCommands::*run)()) {
    CLI::App* command = noun.add_subcommand(verb, help);
    command->callback([this, run] {
        session_.chosen = [this, run] {
            return (this->*run)();
        };
    });
    if (verb != "list") command->add_option("NAME", name_, "The queue")->required();
    return command;
}

void QueueCommands::add_attributes(CLI::App& verb) {
    add_seconds(verb, "--visibility", visibility_s_, "How long a received message is hidden (30s)");
    add_seconds(verb, "--retention", retention_s_, "How long a message is kept (4d)");
    add_seconds(verb, "--rewind", rewind_s_, "How far the queue can be rewound (0s)");
    add_seconds(verb, "--poll", poll_s_, "How long a receive waits by default (0s)");
    add_bytes(verb, "--max-size", max_size_, "Largest message (64KiB)");
    add_number(verb, "--max-messages", max_messages_, "Most messages held (100000000)");
    add_number(verb, "--qps", rate_, "Messages a second, 0: as the account allows (0)");
    verb.add_option("--dead-letter", dead_letter_, "Queue for what fails too often, or none");
    add_number(verb, "--max-receives", max_receives_, "Receives before a message is dead");
    add_seconds(verb, "--time-to-live", time_to_live_s_, "Or: the age at which it is dead");
    add_seconds(
        verb, "--first-query", first_query_s_, "Ask about a transaction after, and every (5s)");
    add_number(verb, "--queries", queries_, "So many times, then it is rolled back (15)");
}

void QueueCommands::add_management(CLI::App& noun) {
    CLI::App* create = add_verb(noun, "create", "Make a queue", &QueueCommands::create);
    add_attributes(*create);
    create->add_flag("--ordered", ordered_, "One message of an ordering key at a time, in order");
    create->add_flag("--transactional", transactional_, "It takes transactional messages");
    CLI::App* list = add_verb(noun, "list", "The queues", &QueueCommands::list);
    list->add_flag("--all", all_, "Also automatic dead-letter queues");
    list->add_option("--search", search_, "Names that contain this");
    add_verb(noun, "info", "One queue", &QueueCommands::info);
    CLI::App* set = add_verb(noun, "set", "Change attributes", &QueueCommands::set);
    add_attributes(*set);
    set->add_option("--paused", paused_, "true: receives find nothing")
        ->check(CLI::IsMember({"true", "false"}));
    add_if_match(*set, session_.if_match);
    CLI::App* remove =
        add_verb(noun, "delete", "Delete a queue and its messages", &QueueCommands::remove);
    add_if_match(*remove, session_.if_match);
    CLI::App* clear =
        add_verb(noun, "clear", "Delete all messages of a queue", &QueueCommands::clear);
    for (CLI::App* verb : {remove, clear}) {
        verb->add_flag("--yes", session_.yes, "Do not ask");
    }
    add_verb(noun, "rewind", "Make messages since a time visible again", &QueueCommands::rewind)
        ->add_option("--to", to_, "RFC 3339, or a duration ago such as -1h")
        ->required();
}

void QueueCommands::add_messages(CLI::App& noun) {
    CLI::App* send = add_verb(noun, "send", "Send a message", &QueueCommands::send);
    send->add_option("BODY", body_, "The message; - reads standard input");
    attachment_.add_to(*send);
    add_seconds(*send, "--delay", delay_s_, "Visible only after this");
    send->add_option("--ordering-key", ordering_key_, "An ordered queue keeps the order of a key");
    send->add_flag("--transaction", transaction_, "Prepare it: seen once committed (queue commit)");
    send->add_option("--dedup-key", dedup_key_, "A repeat with the same key has no second effect");
    send->add_option("--split", split_, "lines: one message a line")
        ->check(CLI::IsMember({"lines"}));

    CLI::App* receive = add_verb(noun, "receive", "Receive messages", &QueueCommands::receive);
    add_number(*receive, "--max", max_, "At most so many, 1 to 16 (1)");
    add_seconds(*receive, "--wait", wait_s_, "Wait for a message, up to 30s");
    add_seconds(*receive, "--visibility", visibility_s_, "Hide them for so long");
    receive->add_flag("--ack", ack_, "Acknowledge once printed");
    receive->add_flag("--fail-empty", fail_empty_, "Exit with 6 when nothing came");

    add_verb(noun, "ack", "Acknowledge received messages", &QueueCommands::acknowledge)
        ->add_option("RECEIPT", receipts_, "As printed by receive")
        ->required();
}

void QueueCommands::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("queue", "Queues and their messages");
    noun->require_subcommand(1);
    add_management(*noun);
    add_messages(*noun);
}

std::string QueueCommands::path(std::string_view rest) const {
    return "/v1/queues/" + encoded(name_) + std::string(rest);
}

boost::system::result<json::object, Failure> QueueCommands::attributes() const {
    json::object body;
    put(body, "visibility", visibility_s_);
    put(body, "retention", retention_s_);
    put(body, "rewind", rewind_s_);
    put(body, "poll", poll_s_);
    put(body, "max_size", max_size_);
    put(body, "max_messages", max_messages_);
    put(body, "qps", rate_);
    if (!paused_.empty()) body["paused"] = paused_ == "true";
    if (ordered_) body["ordered"] = true;
    if (transactional_ || first_query_s_ || queries_) {
        json::object policy;
        put(policy, "first_query", first_query_s_);
        put(policy, "queries", queries_);
        body["transaction"] = std::move(policy);
    }
    const bool limited = max_receives_ || time_to_live_s_;
    if (dead_letter_.empty() || dead_letter_ == "none") {
        if (limited) {
            return usage_failure("--max-receives and --time-to-live need --dead-letter QUEUE.");
        }
        if (!dead_letter_.empty()) body["dead_letter"] = nullptr;
        return body;
    }
    if (!limited) {
        return usage_failure("--dead-letter needs --max-receives N (or --time-to-live DURATION).");
    }
    json::object policy;
    policy["queue"] = dead_letter_;
    put(policy, "max_receives", max_receives_);
    put(policy, "time_to_live", time_to_live_s_);
    body["dead_letter"] = std::move(policy);
    return body;
}

int QueueCommands::create() {
    auto body = attributes();
    if (!body) return session_.fail(body.error());
    (*body)["name"] = name_;
    const auto queue = session_.send("POST", "/v1/queues", *body);
    if (!queue) return session_.fail(queue.error());
    return session_.say(name_,
                        *queue,
                        "penstock queue send " + name_ + " hello   then   penstock queue receive " +
                            name_ + " --ack");
}

int QueueCommands::list() {
    std::string query = "/v1/queues?all=" + std::string(all_ ? "true" : "false");
    if (!search_.empty()) query += "&search=" + encoded(search_);
    const auto queues = session_.list(query);
    if (!queues) return session_.fail(queues.error());
    return session_.show(*queues, queue_columns);
}

int QueueCommands::info() {
    const auto queue = session_.get(path());
    if (!queue) return session_.fail(queue.error());
    return session_.show(*queue);
}

int QueueCommands::set() {
    const auto body = attributes();
    if (!body) return session_.fail(body.error());
    if (body->empty()) {
        return session_.fail(usage_failure("There is nothing to set.",
                                           "'penstock queue set --help' shows the flags."));
    }
    const auto queue = session_.send("PATCH", path(), *body);
    if (!queue) return session_.fail(queue.error());
    return session_.show(*queue);
}

int QueueCommands::remove() {
    int code = exit_ok;
    if (!session_.confirmed("delete queue " + name_ + " and its messages?", code)) return code;
    const auto done = session_.act("DELETE", path());
    return done ? exit_ok : session_.fail(done.error());
}

int QueueCommands::clear() {
    int code = exit_ok;
    if (!session_.confirmed("delete all messages of queue " + name_ + "?", code)) return code;
    const auto done = session_.act("POST", path("/clear"));
    return done ? exit_ok : session_.fail(done.error());
}

int QueueCommands::rewind() {
    const auto to_ms = parse_time_ms(to_, session_.world().clock.wall_ms());
    if (!to_ms) {
        return session_.fail(
            usage_failure("--to: '" + to_ + "' is not a time.",
                          "It takes 2026-01-31T08:05:09Z, or -1h for an hour ago."));
    }
    json::object body;
    body["to"] = format_instant(*to_ms);
    const auto done = session_.send("POST", path("/rewind"), body);
    return done ? exit_ok : session_.fail(done.error());
}

int QueueCommands::send() {
    Sending sending;
    sending.path = path("/messages");
    sending.delay_s = delay_s_;
    sending.dedup_key = dedup_key_;
    sending.transaction = transaction_;
    sending.ordering_key = ordering_key_;
    sending.body = body_;
    sending.attachment = attachment_;
    sending.by_line = !split_.empty();
    return cli::send(session_, sending);
}

int QueueCommands::receive() {
    json::object body;
    put(body, "max", max_);
    put(body, "wait", wait_s_);
    put(body, "visibility", visibility_s_);
    Ask ask;
    ask.method = "POST";
    ask.target = path("/receive");
    ask.body = json::serialize(body);
    ask.headers.emplace_back("Content-Type", "application/json");
    // A queue of its own may hold the answer back for as long as the longest poll.
    ask.wait_ms =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(wait_s_.value_or(30), 30) * 1000);
    const auto answer = session_.call(std::move(ask));
    if (!answer) return session_.fail(answer.error());
    json::array messages;
    if (const auto* value = answer->if_contains("messages");
        value != nullptr && value->is_array()) {
        messages = value->get_array();
    }
    if (messages.empty() && fail_empty_) return exit_timeout;
    session_.show(messages, message_columns);
    if (!ack_ || messages.empty()) return exit_ok;
    // What could not be printed was not received by anybody: it stays in the queue.
    if (!session_.world().out) {
        Failure failure;
        failure.what = "The messages could not be printed and are not acknowledged.";
        return session_.fail(failure);
    }
    std::vector<std::string> receipts;
    for (const auto& message : messages) {
        receipts.push_back(at_path(message.get_object(), "receipt"));
    }
    return acknowledge_all(receipts);
}

int QueueCommands::acknowledge() {
    return acknowledge_all(receipts_);
}

int QueueCommands::acknowledge_all(const std::vector<std::string>& receipts) {
    std::size_t stale = 0;
    for (std::size_t at = 0; at < receipts.size(); at += batch_messages_max) {
        json::array part;
        for (std::size_t one = at; one < std::min(at + batch_messages_max, receipts.size());
             ++one) {
            part.emplace_back(receipts[one]);
        }
        json::object body;
        body["receipts"] = std::move(part);
        const auto answer = session_.send("POST", path("/ack"), body);
        if (!answer) return session_.fail(answer.error());
        const auto* lost = answer->if_contains("stale");
        if (lost != nullptr && lost->is_array()) stale += lost->get_array().size();
    }
    if (stale == 0) return exit_ok;
    Failure failure;
    failure.exit_code = exit_conflict;
    failure.what = std::to_string(stale) + " of " + std::to_string(receipts.size()) +
                   " receipts are stale: acknowledged before, or their leases have ended and the "
                   "messages come again.";
    failure.code = "receipt_invalid";
    failure.next = "If they come again: receive with a longer --visibility.";
    return session_.fail(failure);
}

}  // namespace penstock::cli
