#include "broker/config/cluster_check.h"

#include "broker/config/load.h"
#include "broker/model/peer_name.h"

#include <set>

namespace penstock::config {

namespace {

constexpr std::size_t zone_bytes_max = 64;

bool is_loopback(const std::string& host) {
    return host.starts_with("127.") || host == "::1" || host == "localhost";
}

class Examination {
  public:
    explicit Examination(const ClusterConfig& cluster) : cluster_(cluster) {}

    std::vector<std::string> run() {
        if (cluster_.name.empty()) {
            examine_single();
        } else {
            examine_identity();
            examine_addresses();
            examine_peers();
            examine_tls();
        }
        return std::move(complaints_);
    }

  private:
    void examine_single() {
        if (cluster_.node_id != 0 || !cluster_.peers.empty() || cluster_.insecure)
            complain("name must be set when other keys of [cluster] are");
    }

    void examine_identity() {
        if (!model::is_cluster_name(cluster_.name))
            complain("name must be lower-case letters, digits and '-', 1 to 40 of them");
        if (cluster_.node_id == 0) complain("node_id must be set: 1 or more, never used before");
        if (cluster_.zone.size() > zone_bytes_max) complain("zone must have at most 64 characters");
    }

    void examine_addresses() {
        examine_address("listen_peer", cluster_.listen_peer, 0);
        if (!cluster_.advertise_peer.empty())
            examine_address("advertise_peer", cluster_.advertise_peer, 1);
        if (cluster_.advertise_http.empty()) return;
        const auto http = parse_address(cluster_.advertise_http);
        if (!http) complain("advertise_http " + http.error().detail);
    }

    void examine_peers() {
        std::set<std::uint64_t> ids;
        std::set<std::string> addresses;
        for (const auto& peer : cluster_.peers) {
            if (peer.id == 0) complain("peers: the ids begin at 1");
            if (!ids.insert(peer.id).second)
                complain("peers: id " + std::to_string(peer.id) + " stands twice");
            if (!addresses.insert(peer.address).second)
                complain("peers: address " + peer.address + " stands twice");
            examine_address("peers: address", peer.address, 1);
        }
    }

    void examine_tls() {
        const auto& tls = cluster_.tls;
        const bool all = !tls.ca.empty() && !tls.cert.empty() && !tls.key.empty();
        if (!all && !cluster_.insecure)
            complain(
                "tls.ca, tls.cert and tls.key must be set; `penstock cluster init-certs` makes "
                "them");
    }

    void examine_address(const std::string& key, const std::string& text, std::uint16_t least) {
        const auto address = parse_address(text);
        if (!address) {
            complain(key + " " + address.error().detail);
        } else if (address.value().port < least) {
            complain(key + " must have a port: " + text);
        } else if (cluster_.insecure && !is_loopback(address.value().host)) {
            complain("insecure is for loopback addresses only, not for " + text);
        }
    }

    void complain(const std::string& what) { complaints_.push_back("cluster." + what); }

    const ClusterConfig& cluster_;
    std::vector<std::string> complaints_;
};

}  // namespace

std::vector<std::string> check_cluster(const ClusterConfig& cluster) {
    return Examination(cluster).run();
}

}  // namespace penstock::config
