#include "broker/replication/transport/refusal.h"

namespace penstock::replication::transport {

std::string_view refusal_name(Refusal refusal) {
    static constexpr std::array<std::string_view, refusal_count> names{"wrong_cluster",
                                                                       "wrong_cluster_id",
                                                                       "old_incarnation",
                                                                       "own_id",
                                                                       "duplicate_id",
                                                                       "wrong_node",
                                                                       "wrong_certificate",
                                                                       "no_common_format",
                                                                       "untrusted",
                                                                       "expired",
                                                                       "tls_failed",
                                                                       "malformed",
                                                                       "damaged",
                                                                       "replayed",
                                                                       "too_slow",
                                                                       "too_many_connections"};
    return names[static_cast<std::size_t>(refusal)];
}

}  // namespace penstock::replication::transport
