#include "broker/cli/transaction_commands.h"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::uint64_t shown_default = 50;
constexpr std::size_t confirm_items_max = 100;

const Columns transaction_columns = {{"ID", "id"},
                                     {"PREPARED", "sent_at"},
                                     {"CHECKS", "checks"},
                                     {"NEXT CHECK", "due_at"},
                                     {"BODY", "body|body_base64"}};

std::size_t listed(const json::object& answer, std::string_view name) {
    const auto* list = answer.if_contains(name);
    return list == nullptr || !list->is_array() ? 0 : list->get_array().size();
}

}  // namespace

CLI::App* TransactionCommands::add_verb(CLI::App& root,
                                        const std::string& verb,
                                        const std::string& help,
                                        int (TransactionCommands::*run)()) {
    CLI::App* command = root.get_subcommand("queue")->add_subcommand(verb, help);
    command->callback([this, run] {
        session_.chosen = [this, run] {
            return (this->*run)();
        };
    });
    command->add_option("NAME", name_, "The queue")->required();
    return command;
}

void TransactionCommands::add_to(CLI::App& root) {
    CLI::App* open = add_verb(root,
                              "transactions",
                              "Transactional messages that nobody has confirmed",
                              &TransactionCommands::list);
    add_number(*open, "--limit", limit_, "At most so many (50)");
    for (CLI::App* verb :
         {add_verb(root, "commit", "Let prepared messages be seen", &TransactionCommands::commit),
          add_verb(
              root, "rollback", "End prepared messages unseen", &TransactionCommands::roll_back)}) {
        verb->add_option("MESSAGE", messages_, "As transactions shows them")->required();
    }
}

std::string TransactionCommands::path(std::string_view rest) const {
    return "/v1/queues/" + encoded(name_) + std::string(rest);
}

int TransactionCommands::list() {
    return show_items(session_,
                      path("/messages?state=prepared"),
                      std::max<std::uint64_t>(1, limit_.value_or(shown_default)),
                      transaction_columns);
}

int TransactionCommands::commit() {
    return confirm("commit");
}

int TransactionCommands::roll_back() {
    return confirm("rollback");
}

int TransactionCommands::confirm(const std::string& how) {
    std::size_t unknown = 0;
    std::size_t ended = 0;
    for (std::size_t at = 0; at < messages_.size(); at += confirm_items_max) {
        json::array part;
        for (std::size_t one = at; one < std::min(at + confirm_items_max, messages_.size());
             ++one) {
            part.emplace_back(messages_[one]);
        }
        json::object body;
        body[how] = std::move(part);
        const auto answer = session_.send("POST", path("/transactions"), body);
        if (!answer) return session_.fail(answer.error());
        unknown += listed(*answer, "unknown");
        ended += listed(*answer, "ended_otherwise");
    }
    if (unknown + ended == 0) return exit_ok;
    Failure failure;
    failure.exit_code = ended > 0 ? exit_conflict : exit_not_found;
    failure.code = ended > 0 ? "transaction_ended" : "message_not_found";
    failure.what = std::to_string(ended) + " of " + std::to_string(messages_.size()) +
                   " messages had ended the other way, " + std::to_string(unknown) +
                   " are not known (any more).";
    failure.next = "penstock queue transactions " + name_ + "   shows those that are open.";
    return session_.fail(failure);
}

}  // namespace penstock::cli
