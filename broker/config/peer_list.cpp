#include "broker/config/peer_list.h"

#include <charconv>

namespace penstock::config {

namespace {

std::optional<ClusterPeer> parse_peer(std::string_view text) {
    ClusterPeer peer;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto [end, code] = std::from_chars(text.data(), text.data() + equals, peer.id);
    if (code != std::errc() || end != text.data() + equals) return std::nullopt;
    peer.address = text.substr(equals + 1);
    if (peer.address.find_first_of("\"\\ ") != std::string::npos) return std::nullopt;
    return peer;
}

}  // namespace

std::optional<std::vector<ClusterPeer>> parse_peers(std::string_view text) {
    std::vector<ClusterPeer> peers;
    while (!text.empty()) {
        const auto comma = text.find(',');
        auto peer = parse_peer(text.substr(0, comma));
        if (!peer) return std::nullopt;
        peers.push_back(std::move(*peer));
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
        if (text.empty()) return std::nullopt;
    }
    return peers;
}

std::string format_peers(const std::vector<ClusterPeer>& peers) {
    std::string out;
    for (const auto& peer : peers)
        out += (out.empty() ? "" : ",") + std::to_string(peer.id) + "=" + peer.address;
    return out;
}

std::string format_peers_as_toml(const std::vector<ClusterPeer>& peers) {
    std::string out;
    for (const auto& peer : peers) {
        out += out.empty() ? "[{ id = " : ", { id = ";
        out += std::to_string(peer.id) + ", address = \"" + peer.address + "\" }";
    }
    return out.empty() ? "[]" : out + "]";
}

}  // namespace penstock::config
