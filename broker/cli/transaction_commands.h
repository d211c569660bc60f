// `penstock queue transactions|commit|rollback`: transactional messages nobody has confirmed, and
// their end by hand. Holds the values of the flags of the verb that runs; lives as long as the
// command line's parser. One run, one thread.
#pragma once

#include "broker/cli/message_flags.h"

#include <string>
#include <vector>

namespace penstock::cli {

class TransactionCommands {
  public:
    explicit TransactionCommands(Session& session) : session_(session) {}

    // Adds its verbs to the noun `queue` that is there already.
    void add_to(CLI::App& root);

  private:
    CLI::App* add_verb(CLI::App& root,
                       const std::string& verb,
                       const std::string& help,
                       int (TransactionCommands::*run)());
    [[nodiscard]] std::string path(std::string_view rest) const;

    int list();
    int commit();
    int roll_back();
    int confirm(const std::string& how);

    Session& session_;
    std::string name_;
    std::optional<std::uint64_t> limit_;
    std::vector<std::string> messages_;
};

}  // namespace penstock::cli
