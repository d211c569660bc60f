// `penstock delivery …`, `message …`: what became of messages. Holds the values of the
// flags of the verb that runs; lives as long as the command line's parser. One run, one thread.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/session.h"

#include <string>
#include <vector>

namespace penstock::cli {

class OperationCommands {
  public:
    explicit OperationCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    CLI::App* add_verb(CLI::App& noun,
                       const std::string& verb,
                       const std::string& help,
                       int (OperationCommands::*run)());

    int list_deliveries();
    int follow_deliveries(const std::string& target);
    int show_delivery();
    int retry_delivery();
    int drop_delivery();
    int release(const std::string& verb);
    int track();

    Session& session_;
    std::string message_;
    std::string subscription_;
    std::string status_;
    std::optional<std::uint64_t> limit_;
    std::optional<std::uint64_t> attempt_;
    bool follow_ = false;
};

}  // namespace penstock::cli
