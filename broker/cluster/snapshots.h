// Snapshots: what a node does about snapshots of its sets: those it makes for others, and those it
// needs itself. Works in bounded steps, several sets at a time. Owned by the ClusterNode, broker
// thread only.
#pragma once

#include "broker/cluster/own_snapshots.h"
#include "broker/cluster/snapshot_fetches.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace penstock::cluster {

struct SnapshotCounters {
    std::uint64_t made = 0;
    std::uint64_t make_failed = 0;
    std::uint64_t fetched_bytes = 0;
    std::uint64_t installed = 0;
    std::uint64_t fetch_failed = 0;  // given up
};

class Snapshots {
  public:
    Snapshots(Disk& disk,
              const Clock& clock,
              const std::string& data_folder,
              OpenView open_view,
              std::uint64_t bytes_per_s)
        : own_(disk, clock, data_folder, std::move(open_view)),
          fetches_(disk, clock, data_folder, bytes_per_s) {}

    void use(replication::transport::Peers& peers) { fetches_.use(peers); }

    // Removes what an earlier run has left of snapshots that it made.
    Result<void> clear() { return own_.clear(); }

    // Once a turn for each set that is open; true: it is closed now, its log is gone. An error is
    // final.
    Result<bool> tend(node::Node& node, replication::RaftLog& log, std::int64_t now_us) {
        if (auto tended = own_.tend(node, log, now_us); !tended) return tended.error();
        fetches_.tend(node, log, now_us);
        return fetches_.begin_install(node, log);
    }

    // Once a turn, for those that are closed. An error is final.
    Result<void> install(node::Node& node, std::int64_t now_us) {
        return fetches_.install(node, now_us);
    }


    // The set, which is open, leaves this node: what was made or is being made or fetched of it
    // goes.
    void forget(node::Node& node, SetId set) {
        own_.forget(node, set);
        fetches_.forget(set);
    }

    // A follower asks for a piece.
    void read(node::Node& node,
              const ChunkQuestion& question,
              NodeId from,
              replication::RaftLog* log,
              GiveChunk give) {
        own_.read(node, question, from, log, std::move(give));
    }

    [[nodiscard]] std::int64_t next_wake_us() const { return fetches_.next_wake_us(); }

    [[nodiscard]] SnapshotCounters counters() const {
        return {own_.made(),
                own_.failed(),
                fetches_.fetched_bytes(),
                fetches_.installed(),
                fetches_.failed()};
    }

  private:
    OwnSnapshots own_;
    SnapshotFetches fetches_;
};

}  // namespace penstock::cluster
