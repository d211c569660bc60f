// Asks whether other nodes of a cluster answer at their peer ports, before something is done that
// must not be done while they do. Blocks the calling thread, `deadline` at the longest for each
// of its two steps; no server of this node runs.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/random.h"
#include "broker/cluster/identity.h"
#include "broker/replication/transport/tls_peers.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cluster {

// Those of `others` whose address takes a connection; who it is that answers there is not asked.
std::vector<PeerAddress> who_listens(const std::vector<PeerAddress>& others,
                                     std::chrono::milliseconds deadline);

struct ProbedPeer {
    PeerAddress peer;
    bool member = false;  // a node of this cluster, whether it wants us or not
    std::string problem;  // why it did not speak with us; may be empty
};

// Greets each as the node that `identity` names. `tls` says what is needed for that. Error: the
// certificates cannot be used.
Result<std::vector<ProbedPeer>> ask_who(const std::vector<PeerAddress>& listening,
                                        const Identity& identity,
                                        replication::transport::TlsPeersOptions tls,
                                        std::chrono::milliseconds deadline,
                                        const Clock& clock,
                                        Random& random);

}  // namespace penstock::cluster
