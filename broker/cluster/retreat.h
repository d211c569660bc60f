// Retreat: gives up what this node leads where it should not: while its own disk is slow, which
// Raft's heartbeats do not show, and before it stops. The others are told, so that nobody hands it
// a set meanwhile, and keep that for a few seconds. Where no other replica is fit it leads on.
// Owned by the ClusterNode, broker thread only.
#pragma once

#include "broker/replication/raft_log.h"
#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace penstock::cluster {

using model::NodeId;
using model::SetId;

struct RetreatCounters {
    std::uint64_t slow_syncs = 0;
    std::uint64_t given_up = 0;  // leads handed over
};

class Retreat {
  public:
    using Logs = std::map<SetId, replication::RaftLog*>;

    // A sync that takes longer than `slow_sync_us` makes this node unfit for half a minute.
    Retreat(NodeId self, std::int64_t slow_sync_us) : self_(self), slow_sync_us_(slow_sync_us) {}

    void use(replication::transport::Peers& peers) { peers_ = &peers; }

    // How long the log store's last sync took.
    void synced(std::int64_t took_us);

    // This node is about to stop: `done` once it leads nothing that another one could. Nobody waits
    // for longer than its caller does.
    void leave(std::function<void()> done);

    // Another node says that it is not to lead; at steady time `now_us`.
    void heard(NodeId from, std::string_view notice, std::int64_t now_us);

    // Whether a node may be handed a set.
    [[nodiscard]] bool fit(NodeId node, std::int64_t now_us) const;

    // Once a turn.
    void tend(const Logs& logs, std::int64_t now_us);

    // When tend() has something to do that nothing else starts.
    [[nodiscard]] std::int64_t next_wake_us() const;

    [[nodiscard]] const RetreatCounters& counters() const { return counters_; }

  private:
    void look_at_disk(std::int64_t now_us);
    void tell(const Logs& logs, std::int64_t now_us);
    [[nodiscard]] bool others_live(const replication::RaftLog& log) const;
    [[nodiscard]] NodeId successor(const replication::RaftLog& log, std::int64_t now_us) const;

    NodeId self_;
    std::int64_t slow_sync_us_;
    replication::transport::Peers* peers_ = nullptr;
    std::int64_t slow_took_us_ = 0;  // not yet looked at
    std::int64_t slow_until_us_ = 0;
    std::int64_t told_us_ = 0;
    std::int64_t next_us_ = 0;
    bool leaving_ = false;
    std::set<SetId> giving_up_;  // transfers begun
    std::vector<std::function<void()>> waiting_;
    std::map<NodeId, std::int64_t> unfit_until_us_;  // as the others say
    RetreatCounters counters_;
};

}  // namespace penstock::cluster
