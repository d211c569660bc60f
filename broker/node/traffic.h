// Traffic: counts what went through one set while this node led it: the commands of the entries it
// proposed, once they are applied. Owned by the HostedSet, broker thread only.
#pragma once

#include "broker/model/command.h"
#include "broker/model/metric.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace penstock::node {

struct TrafficCounters {
    std::uint64_t entries = 0;
    std::uint64_t commands = 0;
    std::uint64_t refused = 0;                // commands that changed nothing
    std::uint64_t sent = 0;                   // messages, to queues
    std::uint64_t published = 0;              // to topics
    std::uint64_t received = 0;               // leased to receivers
    std::uint64_t deleted = 0;                // acknowledged by receivers
    std::uint64_t transferred = 0;            // taken from other sets
    std::array<std::uint64_t, 6> attempts{};  // of push deliveries, by model::Verdict
    using ByFailure = std::map<model::Failure, std::uint64_t>;
    ByFailure failures;   // attempts that were not accepted
    ByFailure deferrals;  // deliveries that could not be attempted
};

class Traffic {
  public:
    // The entry's commands and what each came to.
    void count(const std::vector<model::Command>& commands,
               const std::vector<model::Reply>& replies);

    // An entry was applied so long after it was proposed.
    void committed(std::int64_t took_us) { commits_.add(took_us); }

    [[nodiscard]] const TrafficCounters& counters() const { return counters_; }

    // Puts them in with the label `set`.
    void measure(model::Metrics& metrics, const std::string& set) const;

  private:
    void count(const model::Command& command, const model::Reply& reply);
    void count(const model::SettleItem& item);

    TrafficCounters counters_;
    model::Latencies commits_;
};

// Failed attempts and deferrals by their reasons, all sets together: every reason there is.
class Outcomes {
  public:
    void add(const TrafficCounters& counters);
    void measure(model::Metrics& metrics) const;

  private:
    TrafficCounters::ByFailure failures_;
    TrafficCounters::ByFailure deferrals_;
};

}  // namespace penstock::node
