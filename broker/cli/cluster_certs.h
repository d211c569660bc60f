// The certificates by which the nodes of a cluster know each other: an authority of the cluster's
// own, and a certificate a node that names it (model/peer_name.h). Made in memory, then written as
// new files of mode 0600; what exists is never overwritten. Called once by a command, its thread.
#pragma once

#include "broker/cli/failure.h"
#include "broker/model/ids.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::cli {

inline constexpr std::uint64_t certificate_days_default = 1'095;
inline constexpr std::uint64_t certificate_days_max = 36'500;
inline constexpr std::size_t certificate_nodes_max = 256;

struct CertificateOrder {
    std::string folder;
    std::string cluster;
    std::vector<model::NodeId> nodes;
    std::uint64_t days = certificate_days_default;  // of the nodes' certificates
    std::int64_t now_s = 0;                         // Unix time
};

struct CertificatesMade {
    bool authority = false;          // a new one; false: the one in the folder signed
    std::vector<std::string> files;  // in the order of their writing
};

// Makes the authority unless the folder holds it, then the nodes' certificates. Refused with
// nothing written: a file that is there already, an authority of another cluster or near its end.
boost::system::result<CertificatesMade, Failure> make_certificates(const CertificateOrder& order);

// "1,2,3"; empty for text that is no such list, and for ids that are 0 or stand twice.
std::vector<model::NodeId> parse_nodes(const std::string& text);

}  // namespace penstock::cli
