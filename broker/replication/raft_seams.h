// What a RaftLog needs from its node: a way to send frames, what it starts from, and words for
// snapshots, whose bytes the node makes, moves and swaps in. Values; RaftSender is the node's,
// broker thread only.
#pragma once

#include "broker/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::replication {

inline constexpr std::size_t offered_manifest_bytes_max = 16U << 20;

// The way to the peers. Bounded elsewhere: a frame may be dropped, late, twice or out of order; the
// node says unreachable() or peer_lost() where it knows of it.
class RaftSender {
  public:
    virtual ~RaftSender() = default;
    virtual void send(model::NodeId to, model::SetId set, std::string frame) = 0;
};

// A snapshot this node holds and can send. `manifest` is opaque here: the receiver finds the bytes
// by it.
struct HeldSnapshot {
    model::LogIndex index = 0;  // the applied index it was made at
    model::TimeMs time_ms = 0;  // of the entry there
    std::string conf_state;     // of the membership there
    std::string manifest;
};

// A leader's snapshot that this replica needs, because the leader's log begins too late. The node
// fetches and verifies it beside its rows, then hands the offer to RaftLog::install().
struct SnapshotOffer {
    model::NodeId from;
    std::uint64_t message_term = 0;  // of the leader that offers
    std::uint64_t term = 0;          // of the entry at snapshot.index
    HeldSnapshot snapshot;
};

// What became of install(). Not taken: the log has overtaken the snapshot, drop what was fetched.
// Taken: the log now begins behind it (durable), the rows must be swapped before the next turn. A
// node that finds its log beginning behind its rows at start was stopped in between: it swaps then.
struct Installation {
    bool taken = false;
    HeldSnapshot snapshot;
};

// A new set's members begin as if they had applied an entry 1 that nobody ever wrote. Rows that
// were never flushed are at 0 or at 1, all the same. While a fetched snapshot waits to be swapped
// in, LogStore::open is told storage::nothing_needed.
inline constexpr model::LogIndex imagined_index = 1;

// How a replica begins of which neither rows nor log store know any members yet.
enum class RaftOrigin : std::uint8_t {
    alone,     // a LocalLog's store (or an empty one): this node is the sole voter
    founders,  // a new set: all its first voters begin here, after the same imagined entry 1
    joining,   // knows of no members until its leader's snapshot comes
};

// What the rows say of this replica at start.
struct RaftStart {
    model::LogIndex applied = 0;  // as flushed,
    model::TimeMs time_ms = 0;    // the time of the entry there,
    std::string conf_state;       // and the membership there; empty: no change was ever applied
    RaftOrigin origin = RaftOrigin::alone;
    std::vector<model::NodeId> founders;  // of RaftOrigin::founders
    HeldSnapshot snapshot;                // index 0: none
};

}  // namespace penstock::replication
