// What a RaftLog is made of; for its own sources only. See raft_log.h for owner, thread, failures.
#pragma once

#include "broker/replication/catch_up.h"
#include "broker/replication/elections.h"
#include "broker/replication/entry_window.h"
#include "broker/replication/log_keeper.h"
#include "broker/replication/peer_frame.h"
#include "broker/replication/pending_reads.h"
#include "broker/replication/proposals.h"
#include "broker/replication/raft_log.h"
#include "broker/replication/snapshot_exchange.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::replication {

struct RaftLog::Parts {
    // What a proposal of this cycle went into the engine as.
    struct Offered {
        Proposal proposal;
        PayloadPtr payload;
    };

    // What one cycle feeds the engine; lives until the engine has run.
    struct Intake {
        std::vector<PeerFrame> frames;
        std::vector<Message> messages;
        std::vector<Offered> offered;
        std::vector<RaftEntry> proposals;
        PayloadPtr change;
        std::optional<ReadToken> question;
        bool installs = false;
        EngineInput input;
    };

    Parts(const Surroundings& surroundings,
          SetId own_set,
          NodeId own_id,
          const RaftOptions& raft_options,
          HeldSnapshot snapshot,
          LogKeeper log_keeper,
          LogIndex window_before)
        : store(surroundings.store),
          sender(surroundings.sender),
          set(own_set),
          self(own_id),
          options(raft_options),
          window(window_before),
          proposals(raft_options.in_flight_bytes_max),
          elections(surroundings.random, raft_options.engine.election_ticks),
          catch_up(raft_options.reread_bytes_per_turn,
                   raft_options.reread_bytes_on_the_way_max,
                   raft_options.reread_ticks_max),
          snapshots(std::move(snapshot), raft_options.snapshot_ticks_max),
          keeper(std::move(log_keeper)) {}

    // raft_intake.cpp: what goes into a cycle.
    void gather(Intake& intake);
    void gather_frames(Intake& intake);
    void gather_proposals(Intake& intake);
    void settle_proposals(Intake& intake, const EngineOutput& output);
    [[nodiscard]] bool may_stand() const;
    [[nodiscard]] bool caught_up(NodeId node) const;
    void stand_in_turn();

    // raft_cycle.cpp: what comes out of it.
    void keep_payloads(const Intake& intake);
    void stage(const Intake& intake, const EngineOutput& output);
    void stage_entry(const Intake& intake, const RaftEntry& entry);
    void stage_installation(const EngineOutput& output);
    void follow_role();
    void hand_out(const RaftEntry& entry, std::vector<Committed>& committed);
    void after_turn();
    void leave(Engine::Gone why);
    void fail(Error what);
    [[nodiscard]] TimeMs time_at(LogIndex index) const;

    // raft_frames.cpp: messages and the entries they carry.
    void send(std::span<const Message> messages);
    void send_one(const Message& message);
    void send_waiting();
    [[nodiscard]] bool waits_as_news(const Message& message);
    void send_news();
    void unsendable(LogIndex from, LogIndex through, const Error& why);
    void move_first();
    void send_snapshot(const Message& message);
    [[nodiscard]] Result<std::vector<PayloadPtr>> reread(LogIndex first, LogIndex last) const;
    Result<WindowEntry> entry_at(const RaftEntry& entry);
    [[nodiscard]] std::string complaint(NodeId from, const PeerFrame& frame) const;

    storage::LogStore& store;
    RaftSender& sender;
    SetId set;
    NodeId self;
    RaftOptions options;

    EntryWindow window;
    Proposals proposals;
    PendingReads reads;
    Elections elections;
    CatchUp catch_up;
    SnapshotExchange snapshots;
    LogKeeper keeper;
    std::unique_ptr<Engine> engine;  // null: gone

    std::deque<PeerFrame> inbox;
    std::uint64_t inbox_bytes = 0;
    std::set<NodeId> silent;         // nothing came from them since frames to them were dropped
    std::map<NodeId, Message> news;  // appends without entries, the last for each peer
    bool news_due = false;
    std::uint32_t ticks = 0;
    std::uint32_t quiesced_ticks = 0;
    PayloadPtr change;       // to be proposed, all by itself
    bool transfers = false;  // the engine has a transfer staged
    NodeId lost_leader;      // its frames are taken first, then it counts as gone

    const EngineOutput* output = nullptr;  // between cycle() and take_committed()
    bool to_advance = false;
    bool progressed = false;  // the last turn did something: the next one may have more to do

    Role role = Role::follower;
    LogIndex handed_out = 0;
    std::uint64_t handed_out_term = 0;
    TimeMs handed_out_time = 0;
    TimeMs log_time = 0;                           // of the last entry of the log
    std::optional<HardState> hard_state_to_write;  // only a commit: goes with the next write
    Members members;
    std::string conf_state;
    LogIndex changed_at = 0;       // the last membership entry handed out
    LogIndex unreadable_from = 0;  // with that one
    LogIndex unreadable = 0;       // peers cannot get some entry up to here; 0: none
    bool snapshot_missed = false;  // a follower needs one, and none is held

    std::vector<Ended> ended;
    std::vector<PayloadPtr> held;  // what the views handed out last look into
    Engine::Gone gone = Engine::Gone::no;
    std::optional<Error> failure;
    RaftCounters counters;
};

}  // namespace penstock::replication
