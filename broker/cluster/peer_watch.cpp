#include "broker/cluster/peer_watch.h"

#include <numeric>
#include <string>
#include <utility>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr std::int64_t look_pause_us = 1'000'000;

}  // namespace

void PeerWatch::look(transport::Peers& peers,
                     const std::shared_ptr<node::Mailbox>& mailbox,
                     std::int64_t now_us) {
    if (now_us < next_us_) return;
    next_us_ = now_us + look_pause_us;
    peers.inspect([this, mailbox](transport::PeersState state) {
        mailbox->post([this, state = std::move(state)](node::Node&) { state_ = state; });
    });
}

std::string PeerWatch::dial_problem(model::NodeId node) const {
    for (const transport::PeerStatus& peer : state_.peers) {
        const auto& raft = peer.lanes[static_cast<std::size_t>(transport::Lane::raft)];
        if (peer.node == node && !raft.dialed) return peer.problem;
    }
    return {};
}

std::uint64_t PeerWatch::refused() const {
    const auto& refusals = state_.statistics.refusals;
    return std::accumulate(refusals.begin(), refusals.end(), std::uint64_t{0});
}

void PeerWatch::measure(model::Metrics& metrics) const {
    const transport::PeerStatistics& all = state_.statistics;
    for (std::size_t reason = 0; reason < transport::refusal_count; ++reason) {
        const auto name = transport::refusal_name(static_cast<transport::Refusal>(reason));
        metrics.counter("penstock_peer_refusals",
                        "Connections of others that this node refused or ended.",
                        all.refusals[reason],
                        {{"reason", std::string(name)}});
    }
    metrics.counter("penstock_peer_refusals_by_others",
                    "Connections that another node refused to this one.",
                    all.refused_by_peers);
    metrics.gauge("penstock_peer_connections",
                  "Connections between nodes that stand.",
                  static_cast<double>(all.connections));
    metrics.counter(
        "penstock_peer_reconnects", "Connections that stood again after an end.", all.reconnects);
    metrics.counter("penstock_peer_frames_sent", "Frames sent to other nodes.", all.frames_sent);
    metrics.counter(
        "penstock_peer_frames_received", "Frames received from others.", all.frames_received);
    metrics.counter("penstock_peer_sent_bytes", "Bytes sent, before TLS.", all.bytes_sent);
    metrics.counter("penstock_peer_received_bytes", "Bytes received.", all.bytes_received);
    metrics.counter("penstock_peer_frames_dropped",
                    "Frames not sent: no connection, or its queue was full.",
                    all.frames_dropped);
    metrics.counter("penstock_peer_questions_failed",
                    "Questions to other nodes that had no answer.",
                    all.questions_failed);
    metrics.counter("penstock_peer_answers_dropped",
                    "Answers to nodes that were gone, or did not read.",
                    all.answers_dropped);
    metrics.counter("penstock_peer_clock_warnings",
                    "Times that a peer's clock was found more than a minute off.",
                    all.clock_warnings);
    for (const transport::PeerStatus& peer : state_.peers) {
        const std::string node = std::to_string(peer.node.value);
        const auto& raft = peer.lanes[static_cast<std::size_t>(transport::Lane::raft)];
        metrics.gauge("penstock_peer_connected",
                      "1 while this node's connection to the peer stands.",
                      raft.dialed ? 1 : 0,
                      {{"node", node}});
        if (!peer.hello) continue;
        metrics.gauge("penstock_peer_clock_skew_seconds",
                      "The peer's wall clock less this node's, when it last told.",
                      static_cast<double>(peer.clock_difference_ms) / 1e3,
                      {{"node", node}});
    }
}

}  // namespace penstock::cluster
