// Refusal: every reason for which one node does not speak with another, in one list: the names of
// the counters and of the log lines. Values, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::replication::transport {

enum class Refusal : std::uint8_t {
    wrong_cluster,         // another cluster's name
    wrong_cluster_id,      // the name is ours, the cluster is not
    old_incarnation,       // left behind by `cluster recover`
    own_id,                // it has our node id
    duplicate_id,          // another process with its node id is connected
    wrong_node,            // the address of one node answered as another
    wrong_certificate,     // the certificate names another node
    no_common_format,      // neither build reads the other's format
    untrusted,             // no certificate, or not of our authority
    expired,               // the certificate is not, or not yet, valid
    tls_failed,            // no TLS 1.3: an older version, a scanner, garbage
    malformed,             // not our protocol, or a frame that breaks it
    damaged,               // a frame that does not match its checksum
    replayed,              // a frame of another connection or out of its order
    too_slow,              // no handshake within its deadline
    too_many_connections,  // more handshakes under way than are allowed
};
inline constexpr std::size_t refusal_count = 16;

std::string_view refusal_name(Refusal refusal);  // "wrong_cluster"

struct Refused {
    Refusal reason = Refusal::malformed;
    std::string detail;  // for people; no secrets
};

// By reason, in the order of the enumeration.
using RefusalCounts = std::array<std::uint64_t, refusal_count>;

}  // namespace penstock::replication::transport
