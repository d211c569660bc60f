#include "broker/cli/key_commands.h"

#include "broker/cli/arguments.h"

#include <boost/json.hpp>

#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

const Columns key_columns = {{"KEY ID", "key_id"},
                             {"ROLE", "role"},
                             {"ACCOUNT", "account"},
                             {"NOTE", "note"},
                             {"CREATED", "created_at"},
                             {"ENDS", "ends_at"}};

json::array split(std::string_view text) {
    json::array parts;
    while (!text.empty()) {
        const auto comma = text.find(',');
        parts.emplace_back(text.substr(0, comma));
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    return parts;
}

// "SendMessages,Get*:queue/orders-*" as a statement; nothing: there is no colon.
std::optional<json::object> statement_of(std::string_view effect, std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    json::object statement;
    statement["effect"] = effect;
    statement["actions"] = split(text.substr(0, colon));
    statement["resources"] = split(text.substr(colon + 1));
    return statement;
}

}  // namespace

void KeyCommands::add_rights(CLI::App& command, const std::string& unless_given) {
    command.add_option("--role", role_, "What it may do (" + unless_given + ")")
        ->check(CLI::IsMember(
            {"root", "admin", "operator", "viewer", "publisher", "consumer", "none"}));
    command.add_option("--allow", allowed_, "Beyond its role: ACTION,…:RESOURCE,… with * in both")
        ->type_name("STATEMENT");
    command.add_option("--deny", denied_, "Whatever else allows it, as --allow")
        ->type_name("STATEMENT");
    command.add_option("--note", note_, "Whose it is, for the list");
}

void KeyCommands::add_create(CLI::App& noun) {
    CLI::App* create =
        noun.add_subcommand("create", "Make an access key; its secret is shown once");
    create->callback([this] {
        session_.chosen = [this] {
            return make("/v1/keys");
        };
    });
    add_rights(*create, "none: only what --allow says");
    add_seconds(*create, "--life", life_s_, "It ends after this (never)");
    create->add_option("--account", account_, "Whose key it is (that of the key that makes it)");
}

// A key that nobody has to end: its token says all of it.
void KeyCommands::add_token(CLI::App& noun) {
    CLI::App* token =
        noun.add_subcommand("token", "Make a temporary key: an id, a secret and a token");
    token->callback([this] {
        session_.chosen = [this] {
            return make("/v1/keys/token");
        };
    });
    add_rights(*token, "what the key that makes it may; never more than an admin");
    add_seconds(*token, "--life", life_s_, "It ends after this, 12h at most (1h)");
}

void KeyCommands::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("key", "Access keys and what they may do");
    noun->require_subcommand(1);
    add_create(*noun);
    add_token(*noun);
    noun->add_subcommand("list", "The keys; secrets are not shown")->callback([this] {
        session_.chosen = [this] {
            return list();
        };
    });
    CLI::App* rotate =
        noun->add_subcommand("rotate", "Make a key that may do the same, and end this one");
    rotate->callback([this] {
        session_.chosen = [this] {
            return this->rotate();
        };
    });
    rotate->add_option("KEY_ID", key_id_, "The key")->required();
    add_seconds(*rotate, "--overlap", overlap_s_, "How long both work (1d)");
    CLI::App* remove = noun->add_subcommand("delete", "End a key at once");
    remove->callback([this] {
        session_.chosen = [this] {
            return this->remove();
        };
    });
    remove->add_option("KEY_ID", key_id_, "The key")->required();
    remove->add_flag("--yes", session_.yes, "Do not ask");
}

int KeyCommands::make(const std::string& path) {
    json::object body;
    if (!role_.empty()) body["role"] = role_;
    if (!account_.empty()) body["account"] = account_;
    json::array statements;
    for (const auto& [effect, texts] :
         {std::pair("allow", &allowed_), std::pair("deny", &denied_)}) {
        for (const auto& text : *texts) {
            auto statement = statement_of(effect, text);
            if (!statement)
                return session_.fail(usage_failure(
                    "'" + text + "' is no statement.",
                    "It is actions, a colon, resources: SendMessages:queue/orders-*"));
            statements.emplace_back(std::move(*statement));
        }
    }
    if (!statements.empty()) body["statements"] = std::move(statements);
    if (!note_.empty()) body["note"] = note_;
    put(body, "life", life_s_);
    return show_made(session_.send("POST", path, body));
}

int KeyCommands::list() {
    const auto keys = session_.get("/v1/keys");
    if (!keys) return session_.fail(keys.error());
    const auto* items = keys->if_contains("items");
    const bool listed = items != nullptr && items->is_array();
    return session_.show(listed ? items->get_array() : json::array(), key_columns);
}

int KeyCommands::rotate() {
    json::object body;
    put(body, "overlap", overlap_s_);
    return show_made(session_.send("POST", "/v1/keys/" + encoded(key_id_) + "/rotate", body));
}

// As in root.key: lines that a file or a shell takes.
int KeyCommands::show_made(const Called& answer) {
    if (!answer) return session_.fail(answer.error());
    const Format format = session_.format();
    if (format == Format::json || format == Format::ndjson) return session_.show(*answer);
    session_.world().out << "key_id = " << escaped(at_path(*answer, "key_id"))
                         << "\nkey_secret = " << escaped(at_path(*answer, "key_secret")) << "\n";
    if (answer->contains("token"))
        session_.world().out << "token = " << escaped(at_path(*answer, "token")) << "\n";
    return exit_ok;
}

int KeyCommands::remove() {
    int exit_code = exit_ok;
    if (!session_.confirmed("End key " + key_id_ + " for ever?", exit_code)) return exit_code;
    const auto gone = session_.act("DELETE", "/v1/keys/" + encoded(key_id_));
    if (!gone) return session_.fail(gone.error());
    json::object shown;
    shown["key_id"] = key_id_;
    return session_.say("deleted " + key_id_, shown);
}

}  // namespace penstock::cli
