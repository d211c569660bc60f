// Engine::Arrays: both sides of one cycle, C++'s and the shim's. Buffers are used again each turn,
// so that a turn allocates nothing once they have grown. Belongs to one Engine and its thread.
#pragma once

#include "broker/replication/etcd_raft/engine.h"
#include "broker/replication/etcd_raft/engine_functions.h"

#include <vector>

namespace penstock::replication {

struct Engine::Arrays {
    // What the callbacks need; its address is what the shim keeps.
    decltype(EngineConfig::older_heads) older_heads;
    decltype(EngineConfig::log) log;
    std::vector<EntryHead> heads;

    // For the shim.
    std::vector<er_msg> msgs_in;
    std::vector<er_entry> entries_in;
    std::vector<er_entry> proposals_in;
    std::vector<er_token> reads_in;
    std::vector<std::uint64_t> ids_in;

    // From the shim.
    EngineOutput output;
    bool snapshot_fed = false;         // since the last output
    bool output_has_snapshot = false;  // that is not advanced yet
    bool may_send_early = false;
    std::vector<RaftEntry> entries;
    std::vector<RaftEntry> committed;
    std::vector<RaftEntry> message_entries;
    std::vector<Message> messages;  // early ones first
    std::vector<ReadState> reads;
    std::vector<SnapshotPoint> snapshots;  // the output's own first, then those of messages
    std::vector<LogIndex> changes_due;     // membership entries handed out and not applied yet
    std::vector<er_peer> peers_out;
    std::vector<PeerProgress> peers;
};

er_entry to_shim(const RaftEntry& entry);
er_snap to_shim(const SnapshotPoint& snapshot, std::vector<std::uint64_t>& ids);
RaftEntry from_shim(const er_entry& entry);
SnapshotPoint from_shim(const er_snap& snapshot);

// The elements of an array the shim made.
template <class T>
std::span<const T> view(std::uintptr_t at, std::size_t count) {
    return {reinterpret_cast<const T*>(at), count};
}

}  // namespace penstock::replication
