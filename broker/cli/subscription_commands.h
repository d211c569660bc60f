// `penstock sub …`: subscriptions. Holds the values of the flags of the verb that runs; lives as
// long as the command line's parser. One run, one thread.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/push_flags.h"
#include "broker/cli/session.h"
#include "broker/cli/sink_flags.h"
#include "broker/cli/tls_flags.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

// "TOPIC/NAME" of a subscription; NAME alone is looked up and must be unique.
using FullName = boost::system::result<std::string, Failure>;
FullName subscription_name(Session& session, const std::string& given);

// "/v1/subscriptions/TOPIC/NAME" of a full name.
std::string subscription_path(const std::string& full_name);

class SubscriptionCommands {
  public:
    SubscriptionCommands(Session& session, const CutCommand& command)
        : session_(session), sink_(command) {}

    void add_to(CLI::App& root);

  private:
    CLI::App* add_verb(CLI::App& noun,
                       const std::string& verb,
                       const std::string& help,
                       int (SubscriptionCommands::*run)());
    void add_attributes(CLI::App& verb);
    [[nodiscard]] boost::system::result<boost::json::object, Failure> attributes() const;
    [[nodiscard]] std::optional<Failure> put_credentials(boost::json::object& body) const;
    [[nodiscard]] std::optional<Failure> put_authorization(boost::json::object& body) const;
    // Asks something about the subscription named on the command line.
    Called ask(const std::string& method, const std::string& rest);

    // The exit code of the first script that the check finds errors in.
    int check_scripts();

    int add();
    int list();
    int info();
    int set();
    int remove();
    int pause();
    int resume();

    Session& session_;
    SinkFlags sink_;
    PushFlags push_;
    TlsFlags tls_;
    std::string topic_;
    std::string name_;
    std::string http_;
    std::vector<std::string> tags_;
    std::vector<std::string> bindings_;
    std::string format_;
    std::string sign_;
    std::vector<std::string> headers_;
    std::string basic_;
    std::string bearer_;
    std::string oauth2_;
    std::string token_url_;
    std::string scope_;
    bool rotate_ = false;
    std::optional<std::uint64_t> overlap_s_;
    std::string retry_;
    std::string dead_letter_;
    std::optional<std::uint64_t> concurrency_;
    std::optional<std::uint64_t> timeout_ms_;
    bool paused_ = false;
    bool force_ = false;
};

}  // namespace penstock::cli
