// `penstock tail` and `penstock listen`: what a topic gets, as it gets it: printed, or posted to a
// URL of this machine for those who develop. Holds the values of the flags of the verb that runs;
// lives as long as the command line's parser. One run, one thread.
#pragma once

#include "broker/cli/message_flags.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

class LiveCommands {
  public:
    explicit LiveCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    int tail();
    std::optional<Failure> show_new(std::string& since, std::uint64_t& last, std::uint64_t& shown);
    void show_message(const boost::json::object& message);

    int listen();
    std::optional<Failure> subscribe();
    std::optional<Failure> unsubscribe();
    std::optional<Failure> forward_all(std::uint64_t& forwarded);
    [[nodiscard]] bool forward(const boost::json::object& message);

    Session& session_;
    std::string topic_;
    std::string from_;
    std::vector<std::string> tags_;
    std::vector<std::string> bindings_;
    std::optional<std::uint64_t> count_;
    std::string url_;
    std::string name_;  // of listen's subscription and its queue
};

}  // namespace penstock::cli
