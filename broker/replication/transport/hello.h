// Hello: what two nodes tell each other first, in both directions, and whether they may speak at
// all. Values and pure functions, any thread. Bytes that are no hello are refused as malformed.
//
//   "PSTKPEER" | version u8 | lane u8 | nonce 16 bytes | formats u16 u16 | cluster id u64 u64 |
//   incarnation u32 | node u64 | process u64 | wall ms i64 | bytes: cluster, peer address, http
//   address, zone, build | whatever a later build appends
#pragma once

#include "broker/base/error.h"
#include "broker/model/ids.h"
#include "broker/replication/transport/refusal.h"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::replication::transport {

using model::NodeId;

// What travels on a connection. Each has connections of its own, so that a chunk of a snapshot
// never delays a heartbeat.
enum class Lane : std::uint8_t { raft, requests, bulk };
inline constexpr std::size_t lane_count = 3;

std::string_view lane_name(Lane lane);

// Format levels a build can write and read, both ends included.
struct FormatRange {
    std::uint16_t least = 1;
    std::uint16_t most = 1;

    friend bool operator==(const FormatRange&, const FormatRange&) = default;
};

// The highest level both can; nothing when there is none.
std::optional<std::uint16_t> common_format(FormatRange left, FormatRange right);

// 128 bits drawn when a cluster is made. Zero: the node is not yet a member of any.
struct ClusterId {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    [[nodiscard]] bool none() const { return high == 0 && low == 0; }

    friend constexpr auto operator<=>(const ClusterId&, const ClusterId&) = default;
};

// 32 hexadecimal digits.
std::string to_text(ClusterId id);

struct Hello {
    FormatRange formats;
    std::string cluster;  // its name
    ClusterId cluster_id;
    std::uint32_t incarnation = 0;  // raised by `cluster recover`; compared within one cluster id
    NodeId node;
    std::uint64_t process = 0;  // drawn when the process starts: two with one node id differ
    std::string peer_address;   // where others reach this node: "10.0.0.7:7072"
    std::string http_address;   // where clients do; may be empty
    std::string zone;           // may be empty
    std::string build;          // version, for people
    model::TimeMs wall_ms = 0;  // when it was written

    friend bool operator==(const Hello&, const Hello&) = default;
};

inline constexpr std::size_t hello_text_bytes_max = 255;          // of each text
inline constexpr std::size_t greeting_bytes_max = 4 * 1024;       // on the wire
inline constexpr model::TimeMs clock_difference_ms_max = 60'000;  // beyond it, a warning

// A hello as it travels, with what only the connection needs.
struct Greeting {
    Hello hello;
    Lane lane = Lane::raft;
    std::array<std::uint64_t, 2> nonce{};  // drawn for this connection; never used again

    friend bool operator==(const Greeting&, const Greeting&) = default;
};

std::string encode_greeting(const Greeting& greeting);

// Error{damaged}: not a greeting.
Result<Greeting> decode_greeting(std::string_view bytes);

// Why `theirs` may not speak with us; nothing: it may. What only the surroundings know (the
// certificate, who else is connected) is judged there.
std::optional<Refused> judge(const Hello& ours, const Hello& theirs);

}  // namespace penstock::replication::transport
