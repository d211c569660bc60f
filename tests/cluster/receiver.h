// Receiver: whoever is pushed to, wherever the push comes from, and the account of what a push may
// be: an attempt follows one that failed, within the policy and after its pause, and an ordered
// subscription is in order.
// Owned by the Clients, one test, one thread; complaints are gathered.
#pragma once

#include "broker/api/dispatch.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace penstock::cluster::testing {

// The subscriptions of a simulated topic.
inline constexpr const char* hook = "hook";    // is tried until it is accepted
inline constexpr const char* line = "line";    // keeps its order, and is tried as long
inline constexpr const char* keyed = "keyed";  // keeps the order of each key, and is tried as long
inline constexpr const char* brief = "brief";  // a dead letter after a few tries

inline constexpr std::uint32_t brief_retries = 2;
inline constexpr std::uint32_t brief_pause_ms = 400;

class Receiver {
  public:
    // Whether clocks that jump ahead may shorten a pause.
    void clocks_differ(bool yes) { clocks_differ_ = yes; }

    // An attempt begins.
    void tried(const std::string& subscription, const api::Delivery& delivery, std::int64_t now_us);

    // It was answered well.
    void accepted(const std::string& subscription, const api::Delivery& delivery);

    // It was answered badly, or not at all.
    void failed(const std::string& subscription,
                const api::Delivery& delivery,
                std::int64_t now_us);

    [[nodiscard]] bool has_accepted(const std::string& subscription, const std::string& body) const;

    // Bodies that were tried for a subscription since the last call, with their ids.
    std::vector<std::pair<model::MessageId, std::string>> take_seen();

    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

    [[nodiscard]] std::uint64_t attempts() const { return attempts_; }

  private:
    using Failures = std::map<std::uint32_t, std::int64_t>;  // when an attempt failed first

    void complain(const std::string& subscription, const std::string& body, const std::string& why);

    bool clocks_differ_ = false;
    std::map<std::pair<std::string, model::MessageId>, Failures> failures_;
    std::map<std::string, std::set<std::string>> accepted_;
    std::map<std::string, model::MessageId> newest_;  // by what keeps its order
    std::vector<std::pair<model::MessageId, std::string>> seen_;
    std::vector<std::string> complaints_;
    std::uint64_t attempts_ = 0;
};

}  // namespace penstock::cluster::testing
