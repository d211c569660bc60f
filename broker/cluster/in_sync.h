// InSync: which replicas of a set that this node leads keep up. With ack = all an answer waits for
// every one of them; a replica that is lost or falls behind for longer than it may is waited for no
// more until it has caught up again: both are logged and counted. Step functions, broker thread.
#pragma once

#include "broker/replication/raft_log.h"

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace penstock::cluster {

using model::LogIndex;
using model::NodeId;

// On how many disks a message is before its sender is told so.
enum class Ack : std::uint8_t { all, majority };

struct InSyncCounters {
    std::uint64_t left = 0;    // times a replica was waited for no more
    std::uint64_t joined = 0;  // times one had caught up
};

class InSync {
  public:
    // `behind_us_max`: how long a replica may take to confirm what was committed.
    InSync(Ack ack, std::int64_t behind_us_max) : ack_(ack), behind_us_max_(behind_us_max) {}

    // Whether a link to a node stands.
    using Linked = std::function<bool(NodeId node)>;

    // Once a turn, while this node leads; forget() when it does not. Who cannot be reached is not
    // waited for, from a new leader's first turn on.
    void look(const replication::RaftLog& log, std::int64_t now_us, const Linked& linked);

    void forget() { followers_.clear(); }

    // Entries up to here may be answered.
    [[nodiscard]] LogIndex answerable(const replication::RaftLog& log) const;

    [[nodiscard]] bool has(NodeId node) const;

    [[nodiscard]] const InSyncCounters& counters() const { return counters_; }

  private:
    struct Follower {
        bool in_sync = true;
        LogIndex goal = 0;  // was committed at
        std::int64_t since_us = 0;
    };

    void leaves(const replication::RaftLog& log, NodeId node, Follower& follower, const char* why);

    Ack ack_;
    std::int64_t behind_us_max_;
    std::map<NodeId, Follower> followers_;
    InSyncCounters counters_;
};

}  // namespace penstock::cluster
