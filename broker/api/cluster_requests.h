// What can be asked about the cluster: its nodes, its sets, and to change them. Part of requests.h.
// Values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::api {

struct ClusterNodeView {
    std::uint64_t node = 0;
    std::string peer_address;
    std::string http_address;
    std::string zone;
    bool leaving = false;
    bool connected = false;  // with the node that was asked; itself: true
    std::string problem;     // why not
};

struct ReplicaView {
    std::uint64_t node = 0;
    bool voter = true;
    std::uint64_t match = 0;  // index up to which it has the log; known to the leader
    bool active = false;      // its leader has heard of it within an election time-out
    bool in_sync = false;     // with ack = all its leader waits for it
};

struct SetView {
    std::uint32_t set = 0;
    std::uint64_t leader = 0;  // 0: none is known
    std::uint64_t term = 0;
    std::uint64_t committed = 0;
    std::uint64_t applied = 0;  // by the node that was asked
    std::uint32_t objects = 0;  // queues, topics and subscriptions
    std::vector<ReplicaView> replicas;
};

struct ClusterView {
    std::string name;        // empty: the server is on its own
    std::string cluster_id;  // empty: it belongs to none yet
    std::uint32_t incarnation = 0;
    std::uint64_t node = 0;  // that was asked
    std::vector<ClusterNodeView> nodes;
    std::vector<SetView> sets;
};

// As the asked node sees it.
struct GetCluster {
    using Reply = ClusterView;
};

// Makes a cluster of the asked node and its configured peers, all of which are empty. Repeated, it
// answers as before.
struct InitCluster {
    using Reply = ClusterView;
};

// A further node of the cluster: an empty one that is configured and runs. Replicas move to it by
// themselves. Ids are never given twice.
struct AddNode {
    using Reply = ClusterView;
    std::uint64_t node = 0;
    std::string peer_address;
};

}  // namespace penstock::api
