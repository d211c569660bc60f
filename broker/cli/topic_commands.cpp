#include "broker/cli/topic_commands.h"

#include "broker/cli/sending.h"

#include <boost/json.hpp>

#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

const Columns topic_columns = {{"NAME", "name"},
                               {"MATCH", "match"},
                               {"SUBSCRIPTIONS", "subscriptions"},
                               {"MESSAGES", "messages"},
                               {"RETENTION", "retention"}};

}  // namespace

CLI::App* TopicCommands::add_verb(CLI::App& noun,
                                  const std::string& verb,
                                  const std::string& help,
                                  int (TopicCommands::*run)()) {
    CLI::App* command = noun.add_subcommand(verb, help);
    command->callback([this, run] {
        session_.chosen = [this, run] {
            return (this->*run)();
        };
    });
    if (verb != "list") command->add_option("NAME", name_, "The topic")->required();
    return command;
}

void TopicCommands::add_attributes(CLI::App& verb) {
    add_seconds(verb, "--retention", retention_s_, "How long messages stay (1d)");
    add_bytes(verb, "--max-size", max_size_, "Largest message (64KiB)");
    add_number(verb, "--qps", rate_, "Messages a second, 0: as the account allows (0)");
}

void TopicCommands::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("topic", "Topics and publishing");
    noun->require_subcommand(1);
    CLI::App* create = add_verb(*noun, "create", "Make a topic", &TopicCommands::create);
    create->add_option("--match", match_, "How subscriptions filter: tags (default) or key")
        ->check(CLI::IsMember({"tags", "key"}));
    add_attributes(*create);
    add_verb(*noun, "list", "The topics", &TopicCommands::list)
        ->add_option("--search", search_, "Names that contain this");
    add_verb(*noun, "info", "One topic", &TopicCommands::info);
    CLI::App* set = add_verb(*noun, "set", "Change attributes", &TopicCommands::set);
    add_attributes(*set);
    add_if_match(*set, session_.if_match);
    CLI::App* remove =
        add_verb(*noun, "delete", "Delete a topic without subscriptions", &TopicCommands::remove);
    remove->add_flag("--yes", session_.yes, "Do not ask");
    add_if_match(*remove, session_.if_match);

    CLI::App* publish = add_verb(*noun, "publish", "Publish a message", &TopicCommands::publish);
    publish->add_option("BODY", body_, "The message; - reads standard input");
    attachment_.add_to(*publish);
    publish->add_option("--tag", tags_, "A tag; may be repeated")->take_all()->expected(1);
    publish->add_option("--key", key_, "Routing key of dotted words");
    publish->add_option("--ordering-key", ordering_key_, "Messages of one key keep their order");
    add_seconds(*publish, "--delay", delay_s_, "Delivered only after this");
    publish->add_option("--dedup-key", dedup_key_, "A repeat with this key has no second effect");
    publish->add_option("--split", split_, "lines: one message a line")
        ->check(CLI::IsMember({"lines"}));
}

std::string TopicCommands::path(std::string_view rest) const {
    return "/v1/topics/" + encoded(name_) + std::string(rest);
}

json::object TopicCommands::attributes() const {
    json::object body;
    put(body, "retention", retention_s_);
    put(body, "max_size", max_size_);
    put(body, "qps", rate_);
    return body;
}

int TopicCommands::create() {
    json::object body = attributes();
    body["name"] = name_;
    if (!match_.empty()) body["match"] = match_;
    const auto topic = session_.send("POST", "/v1/topics", body);
    if (!topic) return session_.fail(topic.error());
    return session_.say(name_,
                        *topic,
                        "penstock sub add " + name_ +
                            " NAME --http URL   then   penstock topic "
                            "publish " +
                            name_ + " hello");
}

int TopicCommands::list() {
    std::string target = "/v1/topics";
    if (!search_.empty()) target += "?search=" + encoded(search_);
    const auto topics = session_.list(target);
    if (!topics) return session_.fail(topics.error());
    return session_.show(*topics, topic_columns);
}

int TopicCommands::info() {
    const auto topic = session_.get(path());
    if (!topic) return session_.fail(topic.error());
    return session_.show(*topic);
}

int TopicCommands::set() {
    const json::object body = attributes();
    if (body.empty()) {
        return session_.fail(usage_failure("There is nothing to set.",
                                           "'penstock topic set --help' shows the flags."));
    }
    const auto topic = session_.send("PATCH", path(), body);
    if (!topic) return session_.fail(topic.error());
    return session_.show(*topic);
}

int TopicCommands::remove() {
    int code = exit_ok;
    if (!session_.confirmed("delete topic " + name_ + " and its messages?", code)) return code;
    const auto done = session_.act("DELETE", path());
    return done ? exit_ok : session_.fail(done.error());
}

int TopicCommands::publish() {
    Sending sending;
    sending.path = path("/messages");
    json::array tags;
    for (const auto& tag : tags_) {
        sending.query += "&tag=" + encoded(tag);
        tags.emplace_back(tag);
    }
    if (!tags.empty()) sending.extra["tags"] = std::move(tags);
    if (!key_.empty()) {
        sending.query += "&key=" + encoded(key_);
        sending.extra["key"] = key_;
    }
    sending.ordering_key = ordering_key_;
    sending.delay_s = delay_s_;
    sending.dedup_key = dedup_key_;
    sending.body = body_;
    sending.attachment = attachment_;
    sending.by_line = !split_.empty();
    return cli::send(session_, sending);
}

}  // namespace penstock::cli
