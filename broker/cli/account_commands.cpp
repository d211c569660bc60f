#include "broker/cli/account_commands.h"

#include "broker/cli/arguments.h"

#include <boost/json.hpp>

namespace penstock::cli {

namespace {

namespace json = boost::json;

const Columns account_columns = {{"ACCOUNT", "name"},
                                 {"QPS", "uses.requests_per_second"},
                                 {"OF", "requests_per_second"},
                                 {"QPS EACH OF", "object_requests_per_second"},
                                 {"BYTES/S OF", "bytes_per_second"},
                                 {"QUEUES", "uses.queues"},
                                 {"OF", "queues_max"},
                                 {"TOPICS", "uses.topics"},
                                 {"OF", "topics_max"},
                                 {"SUBSCRIPTIONS", "uses.subscriptions"},
                                 {"OF", "subscriptions_max"},
                                 {"STORED", "uses.stored_bytes"},
                                 {"OF", "stored_bytes_max"},
                                 {"REFUSED", "refused"},
                                 {"CREATED", "created_at"}};

}  // namespace

void AccountCommands::add_limits(CLI::App& command) {
    add_number(command, "--qps", requests_, "Requests a second, 0: any number");
    add_bytes(command, "--bytes-per-second", bytes_, "Of bodies sent and received, 0: any number");
    add_number(command, "--object-qps", object_requests_, "Of each queue or topic (5000)");
    add_number(command, "--queues", queues_, "Queues it may have (1000)");
    add_number(command, "--topics", topics_, "Topics it may have (1000)");
    add_number(command, "--subscriptions", subscriptions_, "Subscriptions it may have, 0: any");
    add_bytes(command, "--stored-bytes", stored_bytes_, "What it may store, 0: any amount");
}

void AccountCommands::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("account", "Accounts, kept apart from each other");
    noun->require_subcommand(1);
    CLI::App* create = noun->add_subcommand("create", "Make an account");
    create->callback([this] {
        session_.chosen = [this] {
            return this->create();
        };
    });
    create->add_option("ACCOUNT", name_, "a-z, 0-9 and '-', a letter first")->required();
    add_limits(*create);
    noun->add_subcommand("list", "The accounts, what they use and what they may")->callback([this] {
        session_.chosen = [this] {
            return list();
        };
    });
    CLI::App* set = noun->add_subcommand("set", "Change what an account may use");
    set->callback([this] {
        session_.chosen = [this] {
            return this->set();
        };
    });
    set->add_option("ACCOUNT", name_, "The account")->required();
    add_limits(*set);
    CLI::App* remove =
        noun->add_subcommand("delete", "Delete an account without queues and topics, and its keys");
    remove->callback([this] {
        session_.chosen = [this] {
            return this->remove();
        };
    });
    remove->add_option("ACCOUNT", name_, "The account")->required();
    remove->add_flag("--yes", session_.yes, "Do not ask");
}

json::object AccountCommands::limits() const {
    json::object body;
    put(body, "requests_per_second", requests_);
    put(body, "bytes_per_second", bytes_);
    put(body, "object_requests_per_second", object_requests_);
    put(body, "queues_max", queues_);
    put(body, "topics_max", topics_);
    put(body, "subscriptions_max", subscriptions_);
    put(body, "stored_bytes_max", stored_bytes_);
    return body;
}

int AccountCommands::create() {
    json::object body = limits();
    body["name"] = name_;
    const auto made = session_.send("POST", "/v1/accounts", body);
    if (!made) return session_.fail(made.error());
    return session_.say("created account " + name_, *made);
}

int AccountCommands::list() {
    const auto accounts = session_.get("/v1/accounts");
    if (!accounts) return session_.fail(accounts.error());
    const auto* items = accounts->if_contains("items");
    const bool listed = items != nullptr && items->is_array();
    return session_.show(listed ? items->get_array() : json::array(), account_columns);
}

int AccountCommands::set() {
    const auto changed = session_.send("PATCH", "/v1/accounts/" + encoded(name_), limits());
    if (!changed) return session_.fail(changed.error());
    return session_.say("changed account " + name_, *changed);
}

int AccountCommands::remove() {
    int exit_code = exit_ok;
    if (!session_.confirmed("Delete account " + name_ + " and its keys?", exit_code))
        return exit_code;
    const auto gone = session_.act("DELETE", "/v1/accounts/" + encoded(name_));
    if (!gone) return session_.fail(gone.error());
    json::object shown;
    shown["name"] = name_;
    return session_.say("deleted account " + name_, shown);
}

}  // namespace penstock::cli
