// OwnSnapshots: makes what followers need that the log no longer tells, and hands it out in chunks.
// How one is made and read is node/set_snapshot.h. A disk that fails or is full ends one snapshot,
// the one before is kept; it is tried again later. Owned by Snapshots, broker thread only.
#pragma once

#include "broker/base/clock.h"
#include "broker/cluster/words.h"
#include "broker/node/node.h"
#include "broker/node/set_snapshot.h"
#include "broker/replication/raft_log.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::cluster {

using model::NodeId;
using model::SetId;

using node::OpenView;

// What a follower that asked gets; any thread.
using GiveChunk = std::function<void(ChunkAnswer)>;

class OwnSnapshots {
  public:
    OwnSnapshots(Disk& disk, const Clock& clock, std::string data_folder, OpenView open_view);

    // Removes what an earlier run has left of snapshots that it made.
    Result<void> clear();

    // Once a turn for each set. An error is final.
    Result<void> tend(node::Node& node, replication::RaftLog& log, std::int64_t now_us);

    // The set leaves this node.
    void forget(node::Node& node, SetId set);

    // A follower asks for a piece.
    void read(node::Node& node,
              const ChunkQuestion& question,
              NodeId from,
              replication::RaftLog* log,
              const GiveChunk& give);

    [[nodiscard]] std::uint64_t made() const { return made_count_; }

    [[nodiscard]] std::uint64_t failed() const { return failed_count_; }

  private:
    using SourcePtr = node::SnapshotPtr;

    // One that can be read.
    struct Made {
        std::shared_ptr<node::SnapshotReader> reader;
        std::int64_t read_us = 0;   // or made
        std::int64_t asked_us = 0;  // 0: nobody has
    };

    // One that is made: flushing, then a job after the other.
    struct Making {
        model::LogIndex flushed_to = 0;  // the rows are flushed that far first
        std::string folder;              // empty: still flushing
        SourcePtr source;
        bool complete = false;
    };

    [[nodiscard]] bool waits(node::Node& node,
                             const replication::RaftLog& log,
                             std::int64_t now_us) const;
    Result<void> begin(node::Node& node, replication::RaftLog& log);
    Result<bool> checkpoint(node::Node& node, replication::RaftLog& log, Making& making);
    void prepare(node::Node& node, SetId set);
    void prepared(node::Node& node,
                  SetId set,
                  const SourcePtr& source,
                  const Result<bool>& complete);
    void finish(node::Node& node, replication::RaftLog& log, std::int64_t now_us);
    void fail(node::Node& node, SetId set, const Error& why);

    Disk& disk_;
    const Clock& clock_;
    std::string data_folder_;
    OpenView open_view_;
    std::map<SetId, Made> made_;
    std::map<SetId, Making> making_;
    std::map<SetId, std::int64_t> rest_until_us_;  // after a failure
    std::uint64_t made_count_ = 0;
    std::uint64_t failed_count_ = 0;
};

}  // namespace penstock::cluster
