// `penstock topic …`: topics and publishing. Holds the values of the flags of the verb that runs;
// lives as long as the command line's parser. One run, one thread.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/claim_check.h"
#include "broker/cli/session.h"

#include <string>
#include <vector>

namespace penstock::cli {

class TopicCommands {
  public:
    explicit TopicCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    CLI::App* add_verb(CLI::App& noun,
                       const std::string& verb,
                       const std::string& help,
                       int (TopicCommands::*run)());
    void add_attributes(CLI::App& verb);
    [[nodiscard]] boost::json::object attributes() const;
    [[nodiscard]] std::string path(std::string_view rest = {}) const;

    int create();
    int list();
    int info();
    int set();
    int remove();
    int publish();

    Session& session_;
    std::string name_;
    std::string match_;
    std::optional<std::uint64_t> retention_s_;
    std::optional<std::uint64_t> max_size_;
    std::optional<std::uint64_t> rate_;
    std::string search_;
    std::string body_;
    std::vector<std::string> tags_;
    std::string key_;
    std::string ordering_key_;
    std::optional<std::uint64_t> delay_s_;
    std::string dedup_key_;
    std::string split_;
    Attachment attachment_;
};

}  // namespace penstock::cli
