// CatchUp: appends to followers that are behind, whose entries must be read back from disk. Only so
// many bytes are read a turn, as everything else waits meanwhile; what is left keeps its order per
// follower. Bounded by what the engine has on its way to a peer. Owned by RaftLog, broker thread.
#pragma once

#include "broker/replication/entry_payload.h"
#include "broker/replication/etcd_raft/types.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
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
    explicit CatchUp(std::uint64_t bytes_per_turn) : bytes_per_turn_(bytes_per_turn) {}

    void begin_turn() { left_ = bytes_per_turn_; }

    // Whether the message waits, by now or for those before it; then it has been kept.
    bool holds_back(const Message& message);

    // So many bytes were read.
    void read(std::uint64_t bytes) { left_ -= bytes < left_ ? bytes : left_; }

    // The next one whose turn it is, while bytes are left.
    [[nodiscard]] std::optional<WaitingAppend> next();

    [[nodiscard]] bool waiting() const { return !waiting_.empty(); }

    void forget(NodeId peer) { waiting_.erase(peer); }

    void forget_all() { waiting_.clear(); }

  private:
    std::uint64_t bytes_per_turn_;
    std::uint64_t left_ = 0;
    std::map<NodeId, std::deque<WaitingAppend>> waiting_;
    NodeId last_;  // who was served last
};

}  // namespace penstock::replication
