// `penstock context …`: named servers and keys in a file of the user's. Holds the values of the
// flags of the verb that runs; lives as long as the command line's parser. One run, one thread.
#pragma once

#include "broker/cli/session.h"

#include <CLI/App.hpp>

#include <optional>
#include <string>

namespace penstock::cli {

class ContextCommands {
  public:
    explicit ContextCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    int add();
    int use();
    int list();
    int remove();
    std::optional<Failure> find(const Contexts& contexts) const;  // why `name_` is not among them
    int store(const Contexts& contexts, const std::string& said);

    Session& session_;
    std::string name_;
};

}  // namespace penstock::cli
