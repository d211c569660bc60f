// SimulatedReplica: one node of a simulated cluster with one set: a disk in memory, the real log
// store, a RaftLog and rows that are only a hash. Plays the node's turn, crashes where it is told
// to, and comes back from what the disk kept. Owned by SimulatedCluster, one thread.
#pragma once

#include "broker/base/random.h"
#include "broker/replication/raft_log.h"
#include "tests/replication/cluster_referee.h"
#include "tests/support/memory_disk.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::replication::testing {

inline constexpr SetId simulated_set{1};

// Rows after some entry. What a snapshot holds, too.
struct SimulatedRows {
    LogIndex applied = 0;
    TimeMs time_ms = 0;
    std::uint64_t hash = 0;
    std::string conf_state;
};

// What the replicas of a cluster share.
struct SimulatedWorld {
    const EngineLibrary& library;
    SeededRandom random;
    RaftOptions options;
    ClusterReferee referee;
    std::map<std::string, SimulatedRows> snapshots;  // by manifest
    std::function<void(NodeId from, NodeId to, std::string frame)> send;
    std::uint64_t crash_permille = 0;  // of turns
    std::uint64_t numbers = 0;         // of proposals, reads and snapshots so far
};

class SimulatedReplica final : public RaftSender {
  public:
    SimulatedReplica(NodeId id, SimulatedWorld& world) : id_(id), world_(world) {}

    // From what the disk holds, or new.
    void start(RaftOrigin origin, const std::vector<NodeId>& founders = {});

    void restart() { start(origin_, founders_); }

    void crash();

    // Turns until nothing is left to do.
    void run();

    void propose(TimeMs time_ms);
    void read();

    void send(NodeId to, SetId set, std::string frame) override;

    [[nodiscard]] bool up() const { return log_ != nullptr; }

    [[nodiscard]] NodeId id() const { return id_; }

    [[nodiscard]] RaftLog& log() { return *log_; }

    [[nodiscard]] storage::LogStore& store() { return *store_; }

    [[nodiscard]] const SimulatedRows& rows() const { return rows_; }

    [[nodiscard]] penstock::testing::MemoryDisk& disk() { return disk_; }

    [[nodiscard]] bool leading() const { return log_ && log_->leadership().leading; }

    // An offer waits to be fetched; the cluster says when it is here.
    [[nodiscard]] std::optional<SnapshotOffer> take_offer();
    void fetched(SnapshotOffer offer);

    // Rows as a single node left them, for growing from it.
    void adopt(const SimulatedRows& rows) { flushed_ = rows; }

    // Makes rows durable, and a snapshot if the log wants one.
    void flush();
    bool make_snapshot();

  private:
    bool turn();
    bool sync();
    void apply(const Committed& committed);
    void take_results();
    void finish_installation();
    void promise(const Message& message);
    void look_at_promises();
    [[nodiscard]] bool crashes_here();

    NodeId id_;
    SimulatedWorld& world_;
    penstock::testing::MemoryDisk disk_;
    RaftOrigin origin_ = RaftOrigin::joining;
    std::vector<NodeId> founders_;
    std::unique_ptr<storage::LogStore> store_;
    std::unique_ptr<RaftLog> log_;
    SimulatedRows rows_;
    SimulatedRows flushed_;  // survives a crash, like the next two
    HeldSnapshot held_;
    std::optional<HeldSnapshot> incoming_;              // fetched, about to replace the rows
    std::map<std::uint64_t, std::uint64_t> proposals_;  // token -> content hash
    std::vector<std::uint64_t> reads_;
    std::optional<SnapshotOffer> offer_;
    LogIndex durable_ = 0;
    bool before_sync_ = false;
    std::uint64_t told_term_ = 0;            // the latest that others were told of, in any life
    std::map<std::uint64_t, NodeId> votes_;  // by term, in all lives
};

}  // namespace penstock::replication::testing
