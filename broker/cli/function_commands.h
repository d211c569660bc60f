// `penstock fn …`: scripts of subscriptions and what functions say. `check` and `test` run
// penstock-lua, which stands beside this program; the rest asks the server. One run, one thread.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/function_history.h"
#include "broker/cli/session.h"

#include <string>
#include <vector>

namespace penstock::cli {

class FunctionCommands {
  public:
    explicit FunctionCommands(Session& session) : session_(session), history_(session) {}

    void add_to(CLI::App& root);

  private:
    CLI::App* add_verb(CLI::App& noun,
                       const std::string& verb,
                       const std::string& help,
                       int (FunctionCommands::*run)());
    void add_role(CLI::App& verb);
    [[nodiscard]] std::string role() const;  // as the flags say

    int check();
    int test();
    int deploy();
    int rollback();
    int list();
    int logs();

    // The path of the subscription's scripts, or why there is none.
    boost::system::result<std::string, Failure> scripts_path(std::string_view rest = {});
    Called ask_logs();
    int show_lines(const boost::json::object& page);

    Session& session_;
    std::string name_;
    std::string file_;
    std::string event_;
    FunctionHistory history_;
    std::string note_;
    bool filter_ = false;
    bool transform_ = false;
    bool follow_ = false;
    bool force_ = false;
    std::optional<std::uint64_t> version_;
    std::uint64_t last_line_ = 0;
};

}  // namespace penstock::cli
