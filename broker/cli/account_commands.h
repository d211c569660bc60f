// `penstock account …`: accounts that are kept apart from each other, and what they may use. Holds
// the values of the flags of the verb that runs; lives as long as the command line's parser. One
// run, one thread.
#pragma once

#include "broker/cli/session.h"

#include <CLI/App.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace penstock::cli {

class AccountCommands {
  public:
    explicit AccountCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    void add_limits(CLI::App& command);
    [[nodiscard]] boost::json::object limits() const;
    int create();
    int list();
    int set();
    int remove();

    Session& session_;
    std::string name_;
    std::optional<std::uint64_t> requests_;
    std::optional<std::uint64_t> bytes_;
    std::optional<std::uint64_t> object_requests_;
    std::optional<std::uint64_t> queues_;
    std::optional<std::uint64_t> topics_;
    std::optional<std::uint64_t> subscriptions_;
    std::optional<std::uint64_t> stored_bytes_;
};

}  // namespace penstock::cli
