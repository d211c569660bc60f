// `penstock key …`: access keys, what they may do, and their rotation. Holds the values of the
// flags of the verb that runs; lives as long as the command line's parser. One run, one thread.
#pragma once

#include "broker/cli/session.h"

#include <CLI/App.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

class KeyCommands {
  public:
    explicit KeyCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    void add_rights(CLI::App& command, const std::string& unless_given);
    void add_create(CLI::App& noun);
    void add_token(CLI::App& noun);
    int make(const std::string& path);
    int list();
    int rotate();
    int remove();
    int show_made(const Called& answer);

    Session& session_;
    std::string key_id_;
    std::string role_;  // empty: as the server has it
    std::string account_;
    std::string note_;
    std::optional<std::uint64_t> life_s_;
    std::optional<std::uint64_t> overlap_s_;
    std::vector<std::string> allowed_;
    std::vector<std::string> denied_;
};

}  // namespace penstock::cli
