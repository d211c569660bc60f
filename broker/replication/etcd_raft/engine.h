// Engine: one replica of one set, as etcd's Raft core sees it. It only computes: disk, network,
// clock, payloads and snapshots are the caller's. Owned by its set's log; one thread (inside
// EngineLibrary::run_inside) calls it. What peers send is refused and counted, what disk or caller
// get wrong is an Error or a check(), and a panic of the core stops the process (status 134).
//
// A turn, in this order (R8), for an output with has_work:
//   1. send early_messages;
//   2. write the snapshot's rows, if any; then entries (their first index ends an older suffix),
//   then
//      hard_state, in one synced write (unsynced is enough when !must_sync);
//   3. send late_messages;
//   4. apply committed in order: apply_change() for membership entries, exactly once each, keeping
//      the members it gives with the applied index; then snapshot() when snapshot_due();
//   5. the next cycle, with advance = true.
//
// PAYLOADS STAY THE CALLER'S: one that went in, by a proposal, an append or EngineConfig::tail, is
// kept alive until trim() has passed its index (or another entry took its place, or it was dropped)
// AND the next cycle has run.
//
// The rules R1-R12 are in README.md.
#pragma once

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/replication/etcd_raft/engine_library.h"
#include "broker/replication/etcd_raft/members.h"
#include "broker/replication/etcd_raft/types.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct er_out;
struct er_msg;

namespace penstock::replication {

struct EngineOptions {
    std::uint32_t election_ticks = 10;
    std::uint32_t heartbeat_ticks = 1;
    std::uint32_t inflight_messages_max = 64;  // appends on their way to one peer
    std::uint64_t message_bytes_max = 1ULL << 20;
    std::uint64_t uncommitted_bytes_max = 64ULL << 20;  // beyond it proposals are dropped
    // Handed out by one cycle, at least one entry: applying what a restarted node has to redo must
    // not keep it from its peers.
    std::uint64_t committed_bytes_max = 256ULL << 10;
    std::uint32_t payload_bytes_max = 64U << 20;  // of an entry from a peer (R12)
    LogLevel log_level = LogLevel::info;          // of the core's own lines
};

// A node that knows of no members yet (to be added as a learner) has neither log nor snapshot.
// Every other one begins from a snapshot: without one a new node would learn the entries, but not
// the members they started from. The first members of a new set all begin at the same implicit
// point, for example term 1, index 1, and a single node's log with the point it has applied.
struct EngineConfig {
    NodeId node;
    std::uint64_t boot = 0;           // random, drawn anew for every Engine (R9)
    HardState hard_state;             // as stored
    LogIndex applied = 0;             // as flushed,
    Members members;                  // and who was in the set there
    SnapshotPoint snapshot;           // that the caller can send; not below before_first
    LogPoint before_first;            // the last place no longer in the log as the engine sees it
    LogPoint before_tail;             // the place before the first entry of `tail`
    std::span<const RaftEntry> tail;  // the log's last entries, for the window in memory
    EngineOptions options;

    // Heads of the entries from `first` on that are not in the window, as many as `heads` takes;
    // gives how many were found (0: compacted, or damaged). Called inside cycle() and compact().
    std::function<std::size_t(LogIndex first, std::span<EntryHead> heads)> older_heads;

    // A line of the core's; default: log_line().
    std::function<void(LogLevel, std::string_view)> log;
};

struct EngineInput {
    bool advance = false;              // the last output was written, synced, sent and applied
    std::uint32_t ticks = 0;           // of the clock; followers stand for election by themselves
    std::uint32_t quiesced_ticks = 0;  // the same without acting: for simulations, and for a
                                       // follower whose leader is known to be gone
    bool campaign = false;
    std::span<const Message> messages;
    std::span<const RaftEntry> proposals;  // without term and index; taken or dropped as one
};

// Views live until the next cycle.
struct EngineOutput {
    bool has_work = false;  // false: there is nothing to do and nothing to advance
    bool must_sync = false;
    bool leadership_changed = false;  // ask role() and leader()
    std::optional<HardState> hard_state;
    const SnapshotPoint* snapshot = nullptr;  // replaces rows and log; comes before the entries
    std::span<const RaftEntry> entries;       // to be appended
    std::span<const Message> early_messages;  // appends that say nothing of this write (R1)
    std::span<const Message> late_messages;   // after the sync
    std::span<const RaftEntry> committed;     // to be applied, never before the sync
    std::span<const ReadState> reads;

    bool proposals_dropped = false;      // all of this cycle's: no effect, ever
    std::uint32_t reads_dropped = 0;     // of this cycle's: not the leader
    std::uint32_t messages_refused = 0;  // R12, and the core's own refusals
    std::string_view first_refusal;      // why; empty: none
};

class Engine {
  public:
    // Error{damaged}: the stored state cannot be right (R8: a commit above the last entry).
    static Result<std::unique_ptr<Engine>> open(const EngineLibrary& library, EngineConfig config);

    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();

    // Feeds all input; gives all there is to do: costs nothing where there is neither. Without
    // `advance` after an output with work, input is taken and the answer is empty. Once gone(),
    // input is ignored.
    const EngineOutput& cycle(const EngineInput& input);

    // Stages a read for the next cycle; its token comes back in `reads`, unless reads_dropped or
    // leadership is lost (R9: tokens are made here and sent once).
    ReadToken read();

    // The payload of a membership entry for the next cycle's proposals, all by itself. Error: not
    // the leader, no entry of this term applied yet, a change or transfer under way (R3), or
    // against R4, R6, R7; or a node is added that left in this very term: see left_in_this_term().
    [[nodiscard]] Result<std::string> make_change(const MembershipChange& change) const;

    // The node was removed while this term lasted: what it still had on its way would be taken for
    // the word of the new replica (etcd-io/raft issue 349). It may come back in a later term.
    [[nodiscard]] bool left_in_this_term(NodeId node) const;

    // Applies the committed membership entry at `index`. Gives the members to keep with the applied
    // index. Error: bytes the core would not survive; the caller stops the process.
    Result<Members> apply_change(LogIndex index, std::string_view payload);

    // Stages a transfer of leadership for the next cycle (R10). Error: not the leader, `to` is no
    // voter, is behind or silent, or a change is under way.
    Result<void> transfer(NodeId to);

    // The caller holds a snapshot at `index`, which it has applied, with the members() of now.
    void snapshot(LogIndex index);

    // True from an applied change until snapshot(): an older snapshot lacks the change, and a
    // message offering it to a node it does not name is not sent (R7).
    [[nodiscard]] bool snapshot_due() const { return snapshot_.point.index < changed_at_; }

    // Drops the window up to `through` (written and applied); older_heads answers from then on.
    void trim(LogIndex through);

    // The log begins at `first` from now on; at most one beyond the snapshot. older_heads must
    // still know the entry before `first`.
    void compact(LogIndex first);

    void report_unreachable(NodeId node);

    // Every snapshot message ends in one of these, else its receiver gets nothing more.
    void report_snapshot(NodeId node, bool arrived);

    // All members but this node, by id; empty unless this node leads. Until the next call.
    [[nodiscard]] std::span<const PeerProgress> peers() const;
    [[nodiscard]] std::optional<PeerProgress> progress(NodeId node) const;

    [[nodiscard]] NodeId node() const { return node_; }

    [[nodiscard]] Role role() const { return role_; }

    [[nodiscard]] bool leads() const { return role_ == Role::leader; }

    [[nodiscard]] NodeId leader() const { return leader_; }

    [[nodiscard]] std::uint64_t term() const { return hard_state_.term; }

    [[nodiscard]] LogIndex commit() const { return hard_state_.commit; }

    [[nodiscard]] LogIndex applied() const { return applied_.index; }  // as of the last advance

    [[nodiscard]] LogIndex last() const { return last_; }

    [[nodiscard]] const Members& members() const { return members_; }

    // The engine has ended: no call has any effect, the caller drops it.
    enum class Gone : std::uint8_t {
        no,
        removed,   // this node has applied its own removal (R2, R5)
        lost_log,  // the leader knows of entries this node once had: another disk (R12)
    };

    [[nodiscard]] Gone gone() const { return gone_; }

    struct Arrays;  // reused buffers of both sides; engine_arrays.h

  private:
    struct Private {};

  public:
    Engine(Private, const EngineLibrary& library, const EngineConfig& config);

  private:
    bool start(EngineConfig config);
    [[nodiscard]] std::optional<Error> leader_complaint() const;
    [[nodiscard]] std::optional<MembershipChange> read_change(std::string_view payload) const;

    void stir();

    // One cycle: what goes in, what comes out (engine_cycle.cpp).
    void advance();
    void feed_messages(std::span<const Message> messages);
    void feed_proposals(std::span<const RaftEntry> proposals);
    [[nodiscard]] std::string_view complaint(const Message& message) const;
    [[nodiscard]] bool snapshot_waits() const;
    void refuse(std::string_view why);
    void take(const er_out& out);
    void take_state(const er_out& out);
    void take_entries(const er_out& out);
    void take_messages(const er_out& out);
    void take_message(const er_msg& from);

    const EngineFunctions& functions_;
    NodeId node_;
    std::uint64_t boot_;
    EngineOptions options_;
    std::unique_ptr<Arrays> arrays_;
    int handle_ = 0;

    Role role_ = Role::follower;
    NodeId leader_;
    HardState hard_state_;
    Members members_;
    SnapshotPoint snapshot_;
    LogPoint applied_;     // as of the last advance; term 0: not known
    LogPoint handed_out_;  // the last entry that was handed out to be applied
    LogIndex first_ = 1;
    LogIndex last_ = 0;
    LogIndex durable_ = 0;      // the last entry written before the output of now
    LogIndex changed_at_ = 0;   // the last membership entry applied
    LogIndex change_seen_ = 0;  // the last membership entry in the log, or a bound above it
    bool pending_ = false;      // an output waits for its advance
    bool stirred_ = true;       // something but a cycle may have given the core work
    mutable bool peers_known_ = false;
    Gone gone_ = Gone::no;
    std::uint64_t reads_ = 0;
    NodeId transfer_;

    // Who was removed, in the term of the last removal.
    std::set<NodeId> left_;
    std::uint64_t left_term_ = 0;
};

// Whether `message` may reach the engine of `node` at all (R12): a known type, terms, indexes,
// entries, context and snapshot as an honest peer would send them. Empty: yes; else what is wrong.
// cycle() asks this too; a transport asks it before it keeps the message.
std::string_view message_complaint(const Message& message,
                                   NodeId node,
                                   const EngineOptions& options);

}  // namespace penstock::replication
