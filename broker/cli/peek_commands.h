// `penstock queue|topic peek`, `… cancel`, `… move`, `queue pause|resume`: looking at messages and
// changing their delays. Holds the values of the flags of the verb that runs; lives as long as the
// command line's parser. One run, one thread.
#pragma once

#include "broker/cli/message_flags.h"

#include <string>
#include <vector>

namespace penstock::cli {

class PeekCommands {
  public:
    explicit PeekCommands(Session& session) : session_(session) {}

    // Adds its verbs to the nouns `queue` and `topic` that are there already.
    void add_to(CLI::App& root);

  private:
    CLI::App* add_verb(CLI::App& root,
                       const std::string& noun,
                       const std::string& verb,
                       const std::string& help,
                       int (PeekCommands::*run)());
    [[nodiscard]] std::string path(std::string_view rest) const;
    int set_paused(const std::string& verb, const std::string& said, const std::string& next);

    int peek();
    int cancel();
    int move();
    int pause();
    int resume();

    Session& session_;
    std::string noun_;  // queue or topic: whose verb runs
    std::string name_;
    std::string state_;
    MessageFlags queue_flags_;
    MessageFlags topic_flags_;
    std::optional<std::uint64_t> limit_;
    std::vector<std::string> messages_;
    std::string message_;
    std::string due_;
    std::optional<std::uint64_t> delay_s_;
};

}  // namespace penstock::cli
