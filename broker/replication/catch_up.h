// CatchUp: appends to followers that are behind, whose entries must be read back from disk. Only so
// many bytes are read a turn, as everything else waits meanwhile, and only so many are on their way
// to a follower, which holds them in memory until it has applied them; what is left keeps its order
// per follower. What is not confirmed for long counts as lost: nobody tells of a lost frame.
// Bounded by what the engine has on its way to a peer. Owned by RaftLog, broker thread.
#pragma once

#include "broker/replication/entry_payload.h"
#include "broker/replication/etcd_raft/types.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace penstock::replication {

// A message that outlives the cycle it came from.
struct WaitingAppend {
    Message message;  // without entries: see view()
    std::vector<RaftEntry> entries;
    std::vector<PayloadPtr> payloads;  // of the entries that are in memory

    [[nodiscard]] Message view() const;
};

class CatchUp {
  public:
    CatchUp(std::uint64_t bytes_per_turn,
            std::uint64_t unconfirmed_bytes_max,
            std::uint32_t unconfirmed_ticks_max)
        : bytes_per_turn_(bytes_per_turn),
          unconfirmed_bytes_max_(unconfirmed_bytes_max),
          unconfirmed_ticks_max_(unconfirmed_ticks_max) {}

    void begin_turn() { left_ = bytes_per_turn_; }

    // Time passes. Of whom nothing was confirmed for too long, all is forgotten: the engine finds
    // out what it lacks.
    void tick();

    // Whether the message waits, by now or for those before it; then it has been kept.
    bool holds_back(const Message& message);

    // So many bytes were read, of entries up to `last` for that peer.
    void read(NodeId to, LogIndex last, std::uint64_t bytes);

    // The peer has everything up to `match`; `probed`: what else was sent to it counts as lost.
    void confirmed(NodeId peer, LogIndex match, bool probed);

    // Something that was read is not confirmed yet.
    [[nodiscard]] bool unconfirmed() const { return !sent_.empty(); }

    // The next one whose turn it is, while bytes are left.
    [[nodiscard]] std::optional<WaitingAppend> next();

    // One could go in the next turn, without word of any follower.
    [[nodiscard]] bool waiting() const;

    void forget(NodeId peer);
    void forget_all();

  private:
    struct Sent {
        std::uint64_t bytes = 0;
        std::uint32_t ticks = 0;                               // since the last of it was confirmed
        std::deque<std::pair<LogIndex, std::uint64_t>> parts;  // last entry, bytes
    };

    [[nodiscard]] bool full(NodeId peer) const;

    std::uint64_t bytes_per_turn_;
    std::uint64_t unconfirmed_bytes_max_;
    std::uint32_t unconfirmed_ticks_max_;
    std::uint64_t left_ = 0;
    std::map<NodeId, std::deque<WaitingAppend>> waiting_;
    std::map<NodeId, Sent> sent_;
    NodeId last_;  // who was served last
};

}  // namespace penstock::replication
