// `penstock cluster …`: what makes nodes a cluster, and how it is. Holds the values of the flags of
// the verb that runs; lives as long as the command line's parser. One run, one thread.
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
    int init();
    void add_changes(CLI::App& noun);
    int add_node();
    int remove_node();
    int replace_node();
    int transfer();
    int rebalance();
    int changed(const Called& answer, const std::string& what);
    int status();
    int show_tables(const boost::json::object& cluster);

    Session& session_;
    std::string folder_;
    std::string name_;
    std::string nodes_;
    std::uint64_t days_ = 0;
    std::uint64_t node_ = 0;
    std::uint64_t by_ = 0;
    std::uint64_t set_ = 0;
    bool stop_ = false;
    std::string address_;
};

}  // namespace penstock::cli
