// PushFlags: how a subscription is pushed, as flags of `sub add` and `sub set`, and what they come
// to for /v1: the object `push`. Owned by the SubscriptionCommands, one thread.
#pragma once

#include "broker/cli/arguments.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

class PushFlags {
  public:
    // `creating`: also what is fixed when the subscription is made.
    void add_to(CLI::App& verb, bool creating);

    // The object; empty when nothing was said. `of_runtime`: --batch is not about pushes.
    [[nodiscard]] boost::system::result<boost::json::object, Failure> push(bool of_runtime) const;

    // --batch.
    [[nodiscard]] const std::optional<std::uint64_t>& batch() const { return batch_; }

  private:
    void add_answers_to(CLI::App& verb);

    std::string rate_;
    std::string breaker_;
    std::string heed_;
    std::string mode_;
    std::string client_errors_;
    std::vector<std::uint16_t> retried_statuses_;
    std::string on_exhausted_;
    std::optional<std::uint64_t> retry_share_;
    std::optional<std::uint64_t> deferral_max_ms_;
    std::string outputs_;
    std::optional<std::uint64_t> batch_;
    std::optional<std::uint64_t> batch_bytes_;
    std::optional<std::uint64_t> batch_linger_ms_;
    std::string handshake_;
    bool order_by_key_ = false;
};

}  // namespace penstock::cli
