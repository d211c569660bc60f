// Membership: brings each set that this node leads to the replicas that set 0 wants for it, one
// change at a time, and its leadership to the node that should have it. Step functions, broker
// thread only.
#pragma once

#include "broker/cluster/plan.h"
#include "broker/replication/raft_log.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace penstock::cluster {

// The next change that brings the log's members towards those wanted; nothing: there is none to
// make now.
std::optional<replication::MembershipChange> next_change(const replication::RaftLog& log,
                                                         const model::SetInfo& wanted);

struct MembershipCounters {
    std::uint64_t changes = 0;    // of members, proposed
    std::uint64_t transfers = 0;  // of leadership
};

class Membership {
  public:
    explicit Membership(NodeId self) : self_(self) {}

    // Now and then, for a set that this node leads. Only who is `fit` is handed it, and first it
    // is made to `rest` until then: no message goes out any more, true once none is on its way.
    using Fit = std::function<bool(NodeId node)>;
    using Rest = std::function<bool(SetId set, std::int64_t until_us)>;
    void tend(replication::RaftLog& log,
              const model::SetInfo& wanted,
              const Fit& fit,
              const Rest& rest,
              std::int64_t now_us);

    [[nodiscard]] const MembershipCounters& counters() const { return counters_; }

  private:
    struct Led {
        std::int64_t since_us = 0;
        std::int64_t rests_since_us = 0;
        std::int64_t rests_until_us = 0;
    };

    void hand_over(replication::RaftLog& log, NodeId to, const Rest& rest, std::int64_t now_us);
    void lead_anew(replication::RaftLog& log);

    NodeId self_;
    std::map<SetId, Led> led_;
    MembershipCounters counters_;
};

}  // namespace penstock::cluster
