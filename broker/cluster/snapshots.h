// Snapshots: makes what followers need that the log no longer tells, hands it out in chunks, and
// fetches and installs what this node needs itself. Works in bounded steps, one set after the
// other, but for the installation, which the broker thread waits for. Owned by the ClusterNode,
// broker thread only.
#pragma once

#include "broker/base/clock.h"
#include "broker/cluster/words.h"
#include "broker/node/node.h"
#include "broker/replication/raft_log.h"
#include "broker/replication/snapshot/install.h"
#include "broker/replication/snapshot/sink.h"
#include "broker/replication/snapshot/source.h"
#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::cluster {

using model::NodeId;
using model::SetId;

// Opens a checkpoint's rows to be read.
using OpenView =
    std::function<Result<std::unique_ptr<storage::RowView>>(const std::string& folder)>;

struct SnapshotCounters {
    std::uint64_t made = 0;
    std::uint64_t fetched_bytes = 0;
    std::uint64_t installed = 0;
    std::uint64_t failed = 0;  // fetches that were given up
};

class Snapshots {
  public:
    Snapshots(Disk& disk, const Clock& clock, std::string data_folder, OpenView open_view);

    void use(replication::transport::Peers& peers, std::shared_ptr<node::Mailbox> mailbox) {
        peers_ = &peers;
        mailbox_ = std::move(mailbox);
    }

    // Removes what an earlier run has left of snapshots that it made.
    Result<void> clear();

    // Once a turn for each set. An error is final.
    Result<void> tend(node::Node& node, replication::RaftLog& log, std::int64_t now_us);

    // After a turn: what was fetched and the engine has taken becomes the set.
    Result<void> install(node::Node& node, SetId set, replication::RaftLog& log);

    // The set leaves this node: what was made or is being made or fetched of it goes.
    Result<void> forget(SetId set);

    // A follower asks for a piece.
    [[nodiscard]] ChunkAnswer read(const ChunkQuestion& question,
                                   NodeId from,
                                   replication::RaftLog* log);

    // True while there is work that no message starts.
    [[nodiscard]] bool busy() const;

    [[nodiscard]] const SnapshotCounters& counters() const { return counters_; }

  private:
    // A snapshot that is made, or can be read.
    struct Made {
        std::unique_ptr<replication::SnapshotSource> source;
        std::string folder;
        std::int64_t read_us = 0;
    };

    struct Fetch {
        replication::SnapshotOffer offer;
        std::unique_ptr<replication::SnapshotSink> sink;
        std::unique_ptr<replication::SnapshotInstall> installing;
        bool asked = false;
        std::uint32_t failures = 0;
        std::int64_t next_us = 0;
    };

    Result<void> make(node::Node& node, replication::RaftLog& log);
    Result<void> go_on_making(replication::RaftLog& log, std::int64_t now_us);
    void begin_fetch(replication::RaftLog& log);
    Result<void> go_on_fetching(replication::RaftLog& log, std::int64_t now_us);
    void ask(SetId set, Fetch& fetch);
    void taken(SetId set, std::uint64_t index, const replication::transport::Answer& answer);
    void give_up(SetId set);

    Disk& disk_;
    const Clock& clock_;
    std::string data_folder_;
    OpenView open_view_;
    replication::transport::Peers* peers_ = nullptr;
    std::shared_ptr<node::Mailbox> mailbox_;
    std::map<SetId, Made> made_;
    std::map<SetId, Made> making_;
    std::map<SetId, Fetch> fetches_;
    SnapshotCounters counters_;
};

}  // namespace penstock::cluster
