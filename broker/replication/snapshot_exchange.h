// SnapshotExchange: the snapshots of one set as its log sees them: the one this node holds, those
// it is sending (each ends in a report to the engine), the one a leader offers, and the one being
// installed. The bytes are the node's business. Owned by RaftLog, broker thread.
#pragma once

#include "broker/replication/peer_frame.h"
#include "broker/replication/raft_seams.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace penstock::replication {

class SnapshotExchange {
  public:
    SnapshotExchange(HeldSnapshot held, std::uint32_t ticks_max)
        : held_(std::move(held)), ticks_max_(ticks_max) {}

    // The snapshot this node can send; index 0: none.
    [[nodiscard]] const HeldSnapshot& held() const { return held_; }

    void hold(HeldSnapshot snapshot) { held_ = std::move(snapshot); }

    // Sending to `peer` begins, goes on, or has ended.
    void sending(NodeId peer) { sending_[peer] = ticks_max_; }

    void moves(NodeId peer);

    // False: none was on its way, and the engine is told nothing.
    bool ended(NodeId peer) { return sending_.erase(peer) > 0; }

    // Time passes; peers of which no word came for too long.
    std::vector<NodeId> tick();

    // A leader's snapshot message; a later one replaces it.
    void offered(PeerFrame frame) { offer_ = std::move(frame); }

    [[nodiscard]] std::vector<SnapshotOffer> take_offers();

    // What an offer names has been fetched: its message, as if it came now. Kept until stepped.
    void fetched(NodeId self, SetId set, SnapshotOffer offer);

    [[nodiscard]] const std::optional<PeerFrame>& to_install() const { return to_install_; }

    // The engine has taken the message, or found that it needs no snapshot.
    void stepped(bool taken);

    [[nodiscard]] std::optional<Installation> take_installation();

  private:
    HeldSnapshot held_;
    std::uint32_t ticks_max_;
    std::map<NodeId, std::uint32_t> sending_;  // ticks left
    std::optional<PeerFrame> offer_;
    std::optional<PeerFrame> to_install_;
    std::optional<Installation> installation_;
};

}  // namespace penstock::replication
