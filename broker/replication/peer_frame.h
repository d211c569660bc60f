// The bytes in which engines of one set speak to each other. Little-endian, varints, lengths in
// front; the transport adds checksum and encryption. Pure functions; any thread.
//
//   frame    = level:u8(1) set:u16 type:u8 flags:u8(bit 0: reject)
//              to from term log-term index commit reject-hint (varints) context:bytes tail
//   tail     = of an append:   count:varint entry*     (their indexes follow `index`)
//            | of a snapshot:  term:varint index:varint time:i64 conf-state:bytes manifest:bytes
//            | else:           nothing
//   entry    = kind:u8 term:varint payload
//   payload  = kind 0 (the engine's own): nothing | kind 1 (commands), 2 (membership): bytes
//   bytes    = length:varint that many
//
// Level 1 is the only one there is. A frame that is not exactly this is refused as a whole.
#pragma once

#include "broker/base/error.h"
#include "broker/replication/entry_payload.h"
#include "broker/replication/etcd_raft/types.h"
#include "broker/replication/raft_seams.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication {

inline constexpr std::uint8_t frame_level = 1;
inline constexpr std::size_t entries_per_frame_max = 1U << 18;

// A message with what it refers to. view() is good for as long as the frame is not moved.
struct PeerFrame {
    SetId set;
    Message message;  // without entries, context and snapshot: see view()
    std::vector<RaftEntry> entries;
    std::vector<PayloadPtr> payloads;  // those of the entries that have one, in order
    std::string context;
    SnapshotPoint point;
    HeldSnapshot snapshot;  // of a snapshot message

    [[nodiscard]] Message view() const;
};

// `payloads`: the bytes of each of the message's entries (empty: the engine's own). `snapshot`: of
// a snapshot message, else null.
std::string encode_frame(SetId set,
                         const Message& message,
                         std::span<const std::string_view> payloads,
                         const HeldSnapshot* snapshot);

// Which set's RaftLog the frame is for; nothing for what no frame begins with.
std::optional<SetId> frame_set(std::string_view bytes);

// Error{damaged} says what is wrong. Whether sender and receiver are right is not asked here.
Result<PeerFrame> decode_frame(std::string_view bytes);

}  // namespace penstock::replication
