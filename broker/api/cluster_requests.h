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
    std::uint32_t sets = 0;  // data sets that have, or are to have, a replica there
};

struct ReplicaView {
    std::uint64_t node = 0;
    bool voter = true;
    std::uint64_t match = 0;  // index up to which it has the log; known to the leader
    bool active = false;      // its leader has heard of it within an election time-out
    bool in_sync = false;     // with ack = all its leader waits for it
    bool differs = false;     // its state hash is not the leader's at the same entry
};

struct SetView {
    std::uint32_t set = 0;
    std::uint64_t leader = 0;  // 0: none is known
    std::uint64_t term = 0;
    std::uint64_t committed = 0;
    std::uint64_t applied = 0;  // by the node that was asked
    std::uint32_t objects = 0;  // queues, topics and subscriptions
    std::vector<ReplicaView> replicas;
    std::vector<std::uint64_t> wanted;  // nodes that should hold it, the first one lead it
};

struct ClusterView {
    std::string name;        // empty: the server is on its own
    std::string cluster_id;  // empty: it belongs to none yet
    std::uint32_t incarnation = 0;
    std::uint64_t node = 0;  // that was asked
    bool balancing = false;  // sets move until the nodes hold about as many
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

// Changes who belongs to the cluster and who holds and leads what. It is carried out step by step
// after the answer; each may be repeated.
struct ChangeCluster {
    using Reply = ClusterView;

    enum class What : std::uint8_t {
        add,             // node, peer_address: an empty one that is configured and runs
        remove,          // node: its replicas move to others, then it is a member no more
        replace,         // node, by, peer_address: both of the above
        transfer,        // set, node: that replica leads from now on
        balance,         // sets move until all nodes hold and lead about as many
        stop_balancing,  // after the move that is under way
    };

    What what = What::add;
    std::uint64_t node = 0;  // ids are never given twice
    std::uint64_t by = 0;
    std::string peer_address;
    std::uint32_t set = 0;
};

}  // namespace penstock::api
