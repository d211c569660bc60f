// `penstock sub test`: one message to a topic, and what one of its subscriptions made of it. It is
// a message like any other, delivered as any other would be: other subscriptions of the topic get
// it too, so that it asks first where there are some. Holds the values of the verb's flags; lives
// as long as the command line's parser. One run, one thread.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/session.h"

#include <CLI/App.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

class Trial {
  public:
    explicit Trial(Session& session) : session_(session) {}

    // `sub` must be there already.
    void add_to(CLI::App& root);

  private:
    int run();

    // Tags and a key that the subscription takes, unless the user gave others.
    void fit_to(const boost::json::object& subscription);

    // The message's id.
    Called publish(const std::string& topic);

    // The last attempt of the message by the subscription `full`, or that its queue has it; empty:
    // neither yet.
    Called attempt_of(const std::string& message,
                      const std::string& full,
                      const boost::json::object& subscription);

    int show(const std::string& message,
             const std::string& full,
             const boost::json::object& subscription);

    Session& session_;
    std::string name_;
    std::string body_ = "penstock sub test";
    std::vector<std::string> tags_;
    std::string key_;
    std::optional<std::uint64_t> wait_s_;
};

}  // namespace penstock::cli
