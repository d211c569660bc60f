// `penstock apply`, `diff` and `export`: queues, topics, subscriptions and their functions as one
// document. Holds the values of the flags of the verb that runs; lives as long as the command
// line's parser. One run, one thread.
#pragma once

#include "broker/cli/session.h"
#include "broker/cli/state/plan.h"

#include <CLI/App.hpp>
#include <boost/system/result.hpp>

#include <string>
#include <vector>

namespace penstock::cli {

class StateCommands {
  public:
    explicit StateCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    using Planned = boost::system::result<std::vector<Step>, Failure>;

    int apply();
    int diff();
    int export_all();

    Planned plan();
    boost::system::result<Vocabulary, Failure> vocabulary();
    boost::system::result<Actual, Failure> actual();
    boost::system::result<boost::json::array, Failure> scripts(const std::string& subscription);
    void show(const std::vector<Step>& steps);
    int carry_out(const std::vector<Step>& steps);

    Session& session_;
    std::string file_;
    bool prune_ = false;
    bool exit_code_ = false;
    bool force_ = false;  // scripts are taken untried
};

}  // namespace penstock::cli
