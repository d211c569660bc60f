// `penstock doctor`: looks at a server as a client can and says what is not well, and what to do.
// Asks only; changes nothing. One run, one thread.
#pragma once

#include "broker/cli/session.h"

#include <CLI/App.hpp>

#include <cstdint>
#include <string>

namespace penstock::cli {

class Doctor {
  public:
    explicit Doctor(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    int examine();

    // Each adds findings; false when there is no use in going on.
    bool reach(boost::json::array& findings);
    void look_at_storage(const boost::json::object& status, boost::json::array& findings);
    void look_at_certificate(const boost::json::object& status, boost::json::array& findings);
    void look_at_certificates(const boost::json::object& subscription,
                              const std::string& name,
                              boost::json::array& findings);
    bool lasts(const std::string& whose,
               std::int64_t ends_ms,
               const std::string& place,
               boost::json::array& findings);
    void look_at_cluster(boost::json::array& findings);
    bool look_at_sets(const boost::json::object& cluster, boost::json::array& findings);
    void look_at_dead_letters(boost::json::array& findings);
    void look_at_subscriptions(boost::json::array& findings);

    Session& session_;
};

}  // namespace penstock::cli
