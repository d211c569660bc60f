// What goes into the engine and comes out of it, in the field's terms (Ongaro, 2014). Values and
// views; any thread. Payloads are by reference: the engine carries their address and length, never
// their bytes.
#pragma once

#include "broker/base/ids.h"
#include "broker/model/ids.h"
#include "broker/replication/etcd_raft/members.h"
#include "broker/storage/log/log_store.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace penstock::replication {

using model::LogIndex;
using storage::HardState;

enum class Role : std::uint8_t { follower, candidate, leader, pre_candidate };

// A place in the log: an index and the term of the entry there.
struct LogPoint {
    std::uint64_t term = 0;
    LogIndex index = 0;
    friend bool operator==(const LogPoint&, const LogPoint&) = default;
};

enum class EntryKind : std::uint8_t { normal, membership };

// Term, kind and length of an entry without its payload.
struct EntryHead {
    std::uint64_t term = 0;
    EntryKind kind = EntryKind::normal;
    std::uint32_t bytes = 0;
};

struct RaftEntry {
    std::uint64_t term = 0;
    LogIndex index = 0;
    EntryKind kind = EntryKind::normal;
    std::uint32_t bytes = 0;  // 0 in a normal entry: the engine's own, nothing to apply

    // The caller's. Of a normal entry it is never read and may point to any object; of a membership
    // entry it points to `bytes` bytes. Null while bytes > 0: older than the window, the caller
    // finds it on its disk by index and term.
    const void* payload = nullptr;

    [[nodiscard]] bool on_disk() const { return bytes > 0 && payload == nullptr; }

    // Of a membership entry that is in memory.
    [[nodiscard]] std::string_view text() const {
        return {static_cast<const char*>(payload), bytes};
    }
};

// What a snapshot replaces: the log up to `point`, and who is in the set there.
struct SnapshotPoint {
    LogPoint point;
    Members members;
    friend bool operator==(const SnapshotPoint&, const SnapshotPoint&) = default;
};

// The only messages that travel (R12); the numbers are the engine's, and those of the wire.
enum class MessageType : std::uint8_t {
    append = 3,
    append_answer = 4,
    vote = 5,
    vote_answer = 6,
    snapshot = 7,
    heartbeat = 8,
    heartbeat_answer = 9,
    timeout_now = 14,
    pre_vote = 17,
    pre_vote_answer = 18,
};

// R12: of all the core's types only these come from a peer.
constexpr bool is_known(MessageType type) {
    switch (type) {
        case MessageType::append:
        case MessageType::append_answer:
        case MessageType::vote:
        case MessageType::vote_answer:
        case MessageType::snapshot:
        case MessageType::heartbeat:
        case MessageType::heartbeat_answer:
        case MessageType::timeout_now:
        case MessageType::pre_vote:
        case MessageType::pre_vote_answer:
            return true;
    }
    return false;
}

// Longest context: a read's token takes 24 bytes, the mark of a transfer 16.
inline constexpr std::size_t message_context_max = 36;

// Views live until the next cycle when the engine made the message; during the cycle when it gets
// it, except for the payloads of its entries (engine.h).
struct Message {
    MessageType type = MessageType::append;
    bool reject = false;
    NodeId to;
    NodeId from;
    std::uint64_t term = 0;
    std::uint64_t log_term = 0;  // of the entry before the first one, or of the candidate's last
    LogIndex index = 0;
    LogIndex commit = 0;
    LogIndex reject_hint = 0;
    std::span<const RaftEntry> entries;       // of an append only
    std::string_view context;                 // of heartbeats and votes; opaque
    const SnapshotPoint* snapshot = nullptr;  // of a snapshot message, never null there
};

// Names one read (R9). `boot` is drawn anew for every engine, so that no token is ever used twice.
struct ReadToken {
    std::uint64_t node = 0;
    std::uint64_t boot = 0;
    std::uint64_t number = 0;
    friend bool operator==(const ReadToken&, const ReadToken&) = default;
    friend auto operator<=>(const ReadToken&, const ReadToken&) = default;
};

// The read may be answered from rows that have applied `index`.
struct ReadState {
    ReadToken token;
    LogIndex index = 0;
};

enum class PeerState : std::uint8_t { probe, replicate, snapshot };

// A member as the leader sees it.
struct PeerProgress {
    NodeId node;
    LogIndex match = 0;  // it has confirmed the log up to here
    LogIndex next = 0;
    LogIndex pending_snapshot = 0;  // 0: none under way
    PeerState state = PeerState::probe;
    bool recently_active = false;  // answered since the last check of the quorum
    bool learner = false;
};

}  // namespace penstock::replication
