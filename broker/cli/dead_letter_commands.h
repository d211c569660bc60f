// `penstock dlq …` and `sub replay`: what could not be delivered, and delivering again. Holds the
// values of the flags of the verb that runs; lives as long as the command line's parser. One run,
// one thread.
#pragma once

#include "broker/cli/job_steering.h"
#include "broker/cli/message_flags.h"

#include <string>
#include <vector>

namespace penstock::cli {

class DeadLetterCommands {
  public:
    explicit DeadLetterCommands(Session& session)
        : session_(session), redriving_(session), replaying_(session) {}

    // `sub` must be there already.
    void add_to(CLI::App& root);

  private:
    CLI::App* add_verb(CLI::App& noun,
                       const std::string& verb,
                       const std::string& help,
                       int (DeadLetterCommands::*run)());
    void add_edit(CLI::App& noun);
    void add_replay(CLI::App& noun);
    [[nodiscard]] std::string path(std::string_view rest = {}) const;

    // A subscription's name becomes that of the queue it names for its dead letters, if it does.
    std::optional<Failure> find_queue();

    int list();
    int show();
    int show_one();
    int redrive();
    int preview_by_filter(const std::string& query);
    int edit();
    int export_letters();
    int replay();

    Session& session_;
    JobSteering redriving_;
    JobSteering replaying_;
    MessageFlags show_flags_;
    MessageFlags redrive_flags_;
    MessageFlags export_flags_;
    MessageFlags replay_flags_;
    std::string name_;
    std::string message_;
    std::vector<std::string> messages_;
    std::optional<std::uint64_t> limit_;
    std::string body_;
    std::vector<std::string> tags_;
    std::string key_;
};

}  // namespace penstock::cli
