// Identity: what a node's data folder says of the cluster it belongs to. Written once, when the
// node begins to take part in the cluster, after its log of set 0 has its first durable facts; and
// again by a recovery. A folder without one belongs to none: it votes for nobody.
#pragma once

#include "broker/base/disk.h"
#include "broker/base/error.h"
#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cluster {

using model::NodeId;
using model::SetId;
using replication::transport::ClusterId;
using replication::transport::PeerAddress;

struct Founder {
    std::uint64_t node = 0;
    std::string peer_address;
    std::uint64_t promise = 0;  // what it answered when it was asked to found with the others
};

struct Identity {
    ClusterId cluster;
    std::uint32_t incarnation = 1;
    std::uint64_t node = 0;
    std::string name;               // the cluster's
    std::vector<Founder> founders;  // empty: this node was added later, or was there alone before

    // The root key the cluster begins with, until its rows have one.
    std::string key_id;
    std::string key_secret;
};

// Nothing: the folder has none. Error{damaged}: it cannot be read.
Result<std::optional<Identity>> load_identity(Disk& disk, const std::string& folder);

// Durable when it returns.
Result<void> save_identity(Disk& disk, const std::string& folder, const Identity& identity);

}  // namespace penstock::cluster
