// SnapshotFetches: fetches the snapshots this node needs, a chunk at a time, and takes them into
// use. What waits for the disk runs on the node's bulk pool; only the log store's part of an
// installation is the broker thread's, in small steps and no faster than what is fetched. A set
// that is being installed is closed meanwhile, all others go on. A disk that fails or is full ends
// a step of one fetch: it goes on later from what is there. Owned by Snapshots, broker thread only.
#pragma once

#include "broker/base/clock.h"
#include "broker/cluster/pace.h"
#include "broker/cluster/words.h"
#include "broker/node/node.h"
#include "broker/replication/raft_log.h"
#include "broker/replication/snapshot/install.h"
#include "broker/replication/snapshot/sink.h"
#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace penstock::cluster {

using model::NodeId;
using model::SetId;

class SnapshotFetches {
  public:
    // 0 bytes a second: no limit.
    SnapshotFetches(Disk& disk,
                    const Clock& clock,
                    std::string data_folder,
                    std::uint64_t bytes_per_s);

    void use(replication::transport::Peers& peers) { peers_ = &peers; }

    // Once a turn for each set that is open.
    void tend(node::Node& node, replication::RaftLog& log, std::int64_t now_us);

    // After that: whether what was fetched becomes the set, which is closed from now on: its log is
    // gone. An error is final, as it is of install().
    Result<bool> begin_install(node::Node& node, replication::RaftLog& log);

    // Once a turn, for all sets that are closed.
    Result<void> install(node::Node& node, std::int64_t now_us);

    // The set leaves this node: what is being fetched of it is of no use.
    void forget(SetId set) { fetches_.erase(set); }

    // When tend() or install() has something to do that no letter brings.
    [[nodiscard]] std::int64_t next_wake_us() const;

    [[nodiscard]] std::uint64_t fetched_bytes() const { return fetched_bytes_; }

    [[nodiscard]] std::uint64_t installed() const { return installed_; }

    [[nodiscard]] std::uint64_t failed() const { return failed_; }

  private:
    enum class Stage : std::uint8_t { receiving, fetched, offered };

    struct Fetch {
        std::uint64_t number = 0;
        replication::SnapshotOffer offer;
        std::shared_ptr<replication::SnapshotSink> sink;
        std::unique_ptr<replication::SnapshotInstall> install;
        Stage stage = Stage::receiving;
        bool busy = false;  // a question or a job is under way
        std::uint32_t failures = 0;
        std::int64_t next_us = 0;
    };

    struct Installing {
        std::shared_ptr<replication::SnapshotInstall> install;
        NodeId from;
        bool busy = false;
        bool done = false;
        std::optional<Error> failed;  // of a job
        std::int64_t told_us = 0;     // the sender heard of it
    };

    // How a job of a fetch ended.
    struct Outcome {
        std::optional<Error> error;
        bool of_disk = false;  // of this node
        bool gone = false;     // the sender has it no more
        std::uint64_t bytes = 0;
    };

    void take_offer(replication::RaftLog& log);
    void clear_old(node::Node& node, replication::RaftLog& log, std::int64_t now_us);
    void go_on(node::Node& node, replication::RaftLog& log, Fetch& fetch, std::int64_t now_us);
    void ask(node::Node& node, SetId set, Fetch& fetch);
    void run(node::Node& node,
             SetId set,
             Fetch& fetch,
             std::function<Outcome(replication::SnapshotSink&)> work);
    void ended(SetId set, std::uint64_t number, const Outcome& outcome);
    Result<void> step(node::Node& node, SetId set, Installing& installing, std::int64_t now_us);
    void step_on_disk(node::Node& node, SetId set, Installing& installing);
    Result<void> finish(node::Node& node, SetId set);
    void tell(SetId set, const Installing& installing);

    Disk& disk_;
    const Clock& clock_;
    std::string data_folder_;
    Pace fetch_pace_;
    Pace install_pace_;
    replication::transport::Peers* peers_ = nullptr;
    std::map<SetId, Fetch> fetches_;
    std::map<SetId, Installing> installing_;
    std::set<SetId> clearing_;  // a job removes what an earlier fetch has left
    std::map<SetId, std::int64_t> cleared_us_;
    std::uint64_t next_number_ = 1;
    std::uint64_t fetched_bytes_ = 0;
    std::uint64_t installed_ = 0;
    std::uint64_t failed_ = 0;
};

}  // namespace penstock::cluster
