// The name a node's certificate carries, as DNS name: "node-7.orders.penstock". Made by
// `penstock cluster init-certs`, demanded by the peer port. Pure functions, any thread.
#pragma once

#include "broker/model/ids.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace penstock::model {

inline constexpr std::size_t cluster_name_bytes_max = 40;

// Lower-case letters, digits and '-', a letter or digit at both ends: one label of a DNS name.
inline bool is_cluster_name(std::string_view name) {
    const auto edge = [](char byte) {
        return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
    };
    const auto inner = [edge](char byte) {
        return edge(byte) || byte == '-';
    };
    return !name.empty() && name.size() <= cluster_name_bytes_max && edge(name.front()) &&
           edge(name.back()) && std::all_of(name.begin(), name.end(), inner);
}

inline std::string peer_name(NodeId node, std::string_view cluster) {
    return "node-" + std::to_string(node.value) + "." + std::string(cluster) + ".penstock";
}

}  // namespace penstock::model
