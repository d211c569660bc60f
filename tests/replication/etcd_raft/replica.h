// Replica: one node round a real engine: its disk in memory, its rows reduced to a hash chain, and
// the turn of the loop as engine.h orders it. Unit tests step it by hand, the simulation plays with
// it. One thread; whatever an honest node can never meet is a complaint to the World.
#pragma once

#include "broker/replication/etcd_raft/engine.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::replication::testing {

using Payload = std::shared_ptr<const std::string>;

// A message on its way, with copies of all it needs.
struct Packet {
    Message message;
    std::vector<RaftEntry> entries;
    std::vector<Payload> payloads;
    std::string context;
    std::optional<SnapshotPoint> snapshot;
    std::uint64_t snapshot_hash = 0;

    // The message over this packet's own copies.
    [[nodiscard]] Message view() const;
};

// What entries have made of the rows, and where.
struct Rows {
    LogPoint applied;
    std::uint64_t hash = 0;
    Members members;
};

struct StoredEntry {
    std::uint64_t term = 0;
    EntryKind kind = EntryKind::normal;
    Payload payload;  // null: the engine's own entry
};

// What survives a crash.
struct Disk {
    HardState hard_state;
    LogPoint before_first;
    std::deque<StoredEntry> log;
    Rows flushed;
    Rows snapshot;

    [[nodiscard]] LogIndex last() const { return before_first.index + log.size(); }

    [[nodiscard]] const StoredEntry* find(LogIndex index) const;
};

enum class CrashPoint : std::uint8_t { none, before_write, in_write, after_write, after_apply };

// Mistakes a node could make, to see that the referee finds them.
struct Faults {
    bool votes_unsynced = false;  // the vote is lost in half of the writes
    bool appends_early = false;   // R1 broken: every append leaves before the write
    bool all_early = false;       // confirmations and votes leave before the write
    bool snapshots_late = false;  // no snapshot follows a change of the members
};

class World {
  public:
    virtual ~World() = default;
    virtual void send(const Packet& packet) = 0;
    virtual void leads(NodeId node, std::uint64_t term) = 0;
    virtual void applied(NodeId node, const Rows& rows) = 0;
    virtual void answered(NodeId node, const ReadState& read) = 0;
    virtual void complain(const std::string& what) = 0;
    // A number below `bound`, from the run's seed.
    virtual std::uint64_t below(std::uint64_t bound) = 0;
};

class Replica {
  public:
    Replica(NodeId node, World& world, const EngineOptions& options, Faults faults);

    // A first member of a new set: all begin at term 1, index 1 with these members.
    void found(const Members& members);

    void start();
    void crash();

    void receive(const Packet& packet);  // for the next turn
    void propose(std::string payload, EntryKind kind = EntryKind::normal);
    EngineInput input;  // ticks and campaign of the next turn

    // One cycle and the work it gave; true when there was any. Stops at `crash_at`.
    bool turn(CrashPoint crash_at = CrashPoint::none);

    // Turns until there is nothing to do.
    void settle();

    // Snapshot of what is applied; the log before it goes, but for `keep` entries.
    void make_snapshot(LogIndex keep);
    void flush_rows();
    void trim(LogIndex through);

    [[nodiscard]] bool up() const { return engine_ != nullptr; }

    [[nodiscard]] Engine& engine() { return *engine_; }

    [[nodiscard]] NodeId node() const { return node_; }

    [[nodiscard]] const Rows& rows() const { return rows_; }

    [[nodiscard]] Disk& disk() { return disk_; }

    [[nodiscard]] bool removed() const { return removed_; }

    [[nodiscard]] bool lost_log() const { return lost_log_; }

    [[nodiscard]] std::uint64_t cold_reads() const { return cold_reads_; }

    [[nodiscard]] bool proposals_dropped() const { return proposals_dropped_; }

    [[nodiscard]] std::uint64_t refused() const { return refused_; }

  private:
    std::size_t older_heads(LogIndex first, std::span<EntryHead> heads);
    const EngineOutput& cycle();
    void drop_payloads(LogIndex from);
    void keep_payloads(std::span<const RaftEntry> entries);
    void send(const Message& message);
    bool write(const EngineOutput& output, bool torn);
    void append(const RaftEntry& entry);
    bool apply(const RaftEntry& entry);
    [[nodiscard]] Payload payload_of(const RaftEntry& entry) const;

    NodeId node_;
    World& world_;
    EngineOptions options_;
    Faults faults_;
    Disk disk_;
    std::unique_ptr<Engine> engine_;
    Rows rows_;
    bool removed_ = false;
    bool lost_log_ = false;
    bool advance_ = false;
    bool proposals_dropped_ = false;
    std::uint64_t cold_reads_ = 0;
    std::uint64_t refused_ = 0;

    // Payloads the engine may point to, by index; those that left, until the next cycle.
    std::map<LogIndex, Payload> window_;
    std::vector<Payload> leaving_;
    std::map<const void*, Payload> staged_;

    std::vector<Packet> inbox_;
    std::vector<RaftEntry> proposals_;
    std::map<LogIndex, Rows> incoming_;  // snapshots received, fetched and verified
    std::uint64_t led_term_ = 0;
};

}  // namespace penstock::replication::testing
