// `penstock cluster …`: what makes nodes a cluster. Holds the values of the flags of the verb that
// runs; lives as long as the command line's parser. One run, one thread.
#pragma once

#include "broker/cli/session.h"

#include <CLI/App.hpp>

#include <cstdint>
#include <string>

namespace penstock::cli {

class ClusterCommands {
  public:
    explicit ClusterCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    void add_init_certs(CLI::App& noun);
    int init_certs();

    Session& session_;
    std::string folder_;
    std::string name_;
    std::string nodes_;
    std::uint64_t days_ = 0;
};

}  // namespace penstock::cli
