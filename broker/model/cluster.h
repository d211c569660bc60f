// The nodes of a cluster and which of them hold which set, as set 0 keeps them. Values, any thread.
#pragma once

#include "broker/model/ids.h"

#include <string>
#include <vector>

namespace penstock::model {

struct NodeInfo {
    NodeId node;
    std::string peer_address;  // where the others reach it
    std::string http_address;  // where clients do
    std::string zone;          // may be empty
    bool leaving = false;      // its replicas move to others; then it is dropped
    friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

struct SetInfo {
    SetId set;
    std::vector<NodeId> founders;  // its first voters, for ever; empty: it grew from one node
    std::vector<NodeId> replicas;  // wanted now: its leader adds, promotes and removes one by one
    friend bool operator==(const SetInfo&, const SetInfo&) = default;
};

inline constexpr std::size_t nodes_max = 256;
inline constexpr std::size_t replicas_max = 7;  // of a data set; all nodes hold set 0

}  // namespace penstock::model
