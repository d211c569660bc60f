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

    // Now and then, for a set that this node leads. Only who is `fit` is handed it.
    using Fit = std::function<bool(NodeId node)>;
    void tend(replication::RaftLog& log,
              const model::SetInfo& wanted,
              const Fit& fit,
              std::int64_t now_us);

    [[nodiscard]] const MembershipCounters& counters() const { return counters_; }

  private:
    void hand_over(replication::RaftLog& log, NodeId to, std::int64_t now_us);
    void lead_anew(replication::RaftLog& log);

    NodeId self_;
    std::map<SetId, std::int64_t> led_since_us_;
    MembershipCounters counters_;
};

}  // namespace penstock::cluster
