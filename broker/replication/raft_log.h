// RaftLog: the Log of a replicated set: etcd's Raft core (Engine) over the node's LogStore. One per
// set and node, owned by the hosted set, broker thread only (inside EngineLibrary::run_inside). It
// has no clock (tick()), no socket (RaftSender) and no disk of its own: cycle() stages in the
// LogStore, the node syncs once for all sets, take_committed() sends what had to wait for the sync
// and gives what may be applied. Every cycle() is followed by exactly one take_committed().
//
// What peers send wrongly is dropped and counted. What the own disk gives wrongly is failed(): the
// caller stops the process, as after a failed sync.
//
// The caller must not let the log store drop bodies above first() - 1: they are sent to followers.
#pragma once

#include "broker/base/error.h"
#include "broker/base/random.h"
#include "broker/replication/etcd_raft/engine.h"
#include "broker/replication/log.h"
#include "broker/replication/raft_seams.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication {

struct RaftOptions {
    EngineOptions engine;
    std::uint64_t window_bytes_max = 48ULL << 20;     // entries kept in memory
    std::uint64_t in_flight_bytes_max = 32ULL << 20;  // proposed here, not committed
    std::uint64_t inbox_bytes_max = 64ULL << 20;      // frames that wait for the next cycle
    std::uint32_t inbox_frames_max = 4'096;
    std::uint64_t keep_bytes_for_followers = 1ULL << 30;  // applied entries kept to be sent
    std::uint64_t reread_bytes_per_turn = 4ULL << 20;     // of older entries, for followers behind
    std::uint64_t reread_bytes_on_the_way_max = 8ULL << 20;  // to one follower, unconfirmed,
    std::uint32_t reread_ticks_max = 100;                    // for so long: it is taken for lost
    std::uint64_t promoted_behind_max =
        1'000;  // entries a learner may lack when it becomes a voter
    // News of a commit that carry no entry wait for the next entries, at most for a tick. Whoever
    // leads answers clients; followers learn it a little later, and a busy cluster of many sets
    // saves half of its frames.
    bool news_wait = false;
    std::uint32_t snapshot_ticks_max = 2'000;  // without word of a sent snapshot: it has failed
};

struct RaftCounters {
    std::uint64_t frames_received = 0;
    std::uint64_t frames_refused = 0;      // malformed, or not from whom they say
    std::uint64_t frames_dropped = 0;      // the inbox was full
    std::uint64_t messages_refused = 0;    // by the engine
    std::uint64_t elections = 0;           // this node stood
    std::uint64_t entries_reread = 0;      // older than the window, read back to be sent
    std::uint64_t entries_unreadable = 0;  // of those: damaged, not sent
    std::uint64_t snapshots_offered = 0;
    std::uint64_t snapshots_installed = 0;
};

class RaftLog final : public Log {
    struct Parts;

    struct Private {};

  public:
    // What outlives the log.
    struct Surroundings {
        const EngineLibrary& library;
        storage::LogStore& store;
        RaftSender& sender;
        Random& random;  // draws election time-outs and the boot number
    };

    // Error{damaged}: rows, log and hard state are not of one moment. What a new replica writes
    // first is staged here and durable with the first sync.
    static Result<std::unique_ptr<RaftLog>> open(const Surroundings& surroundings,
                                                 SetId set,
                                                 NodeId self,
                                                 const RaftStart& start,
                                                 const RaftOptions& options = {});

    RaftLog(Private, std::unique_ptr<Parts> parts);  // by open()
    ~RaftLog() override;

    [[nodiscard]] SetId set() const override;

    bool propose(Proposal proposal) override;
    void read(std::uint64_t token) override;
    void cycle() override;
    std::vector<Committed> take_committed() override;
    std::vector<Ended> take_ended() override;
    std::vector<ConfirmedRead> take_reads() override;
    [[nodiscard]] bool busy() const override;
    [[nodiscard]] Leadership leadership() const override;
    [[nodiscard]] LogIndex committed() const override;
    [[nodiscard]] LogIndex droppable_to(LogIndex flushed) const override;
    Result<void> replay(LogIndex applied, const Visit& visit) const override;

    // Time passes: one tick (30 ms in production). Followers stand after 10 to 19 ticks of silence.
    void tick();

    // A frame from the peer that authenticated itself as `from`; its checksum was right.
    void receive(NodeId from, std::string_view frame);

    // Frames to `peer` were dropped.
    void unreachable(NodeId peer);

    // The connection to `peer` was refused or reset. If it leads, this node does not wait out the
    // election time-out: voters stand one after the other, at once.
    void peer_lost(NodeId peer);

    [[nodiscard]] NodeId self() const;
    [[nodiscard]] const Members& members() const;

    // The membership from committed() on, as Committed::conf_state gave it last.
    [[nodiscard]] std::string conf_state() const;

    // Proposes one change (R3-R7). Error{unavailable}: not now; Error{invalid}: never. It has
    // happened when an entry with a conf state is committed. A node that left in this term is not
    // added in it.
    Result<void> change(const MembershipChange& change);

    // Whoever is to be added now needs another leader first.
    [[nodiscard]] bool left_in_this_term(NodeId node) const;

    // Hands leadership to a voter that has the whole log (R10).
    Result<void> transfer(NodeId to);

    // The voter best placed to lead instead of this node; nothing when none is.
    [[nodiscard]] std::optional<NodeId> successor() const;

    // As the leader sees it; nothing elsewhere.
    [[nodiscard]] std::optional<PeerProgress> progress(NodeId node) const;

    // The index up to which every one of `nodes` has confirmed the log (this node: has synced it).
    // 0 when this node does not lead or does not know one of them.
    [[nodiscard]] LogIndex matched_by(const std::vector<NodeId>& nodes) const;

    // The rows are durable up to `applied`. Moves the beginning of the log on where nobody needs
    // it: never beyond the snapshot held, and keep_bytes_for_followers behind.
    void applied_flushed(LogIndex applied);

    // Some entry of these could not be read to be sent, the last time that happened; {0, 0}: never,
    // or the log begins behind them.
    struct Unsendable {
        LogIndex from = 0;
        LogIndex through = 0;
    };

    [[nodiscard]] Unsendable unsendable() const;

    // First index of the log as followers are served it.
    [[nodiscard]] LogIndex first() const;

    // A snapshot is worth making: the membership has changed since the one held (R7), a follower
    // needs one, or the log cannot begin later without it.
    [[nodiscard]] bool snapshot_wanted() const;

    // That for more than letting the log begin later: whoever needs one cannot have the one held.
    [[nodiscard]] bool snapshot_needed() const;

    // The node holds this snapshot from now on and the one before no longer. False when the
    // membership has changed since: make a newer one.
    bool set_snapshot(HeldSnapshot snapshot);

    // How sending the snapshot to `peer` goes: every one ends in sent or failed; one of which no
    // word comes for long has failed.
    void snapshot_sent(NodeId peer);
    void snapshot_moves(NodeId peer);
    void snapshot_failed(NodeId peer);

    // Snapshots offered since the last call; at most one, the latest.
    std::vector<SnapshotOffer> take_offers();

    // What the offer names is here, verified: the next cycle takes it, and nothing besides. The
    // caller asks take_installation() after that cycle's take_committed().
    void install(SnapshotOffer offer);
    std::optional<Installation> take_installation();

    // This node was removed from the set, or the set knows of entries that this node lost. The log
    // answers on, leads no more and sends nothing.
    [[nodiscard]] Engine::Gone gone() const;

    // Set when the own disk gave something impossible: nothing goes on, stop the process.
    [[nodiscard]] const std::optional<Error>& failed() const;

    [[nodiscard]] const RaftCounters& counters() const;

  private:
    std::unique_ptr<Parts> parts_;
};

}  // namespace penstock::replication
