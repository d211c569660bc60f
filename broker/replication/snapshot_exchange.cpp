#include "broker/replication/snapshot_exchange.h"

#include <utility>

namespace penstock::replication {

void SnapshotExchange::moves(NodeId peer) {
    const auto found = sending_.find(peer);
    if (found != sending_.end()) found->second = ticks_max_;
}

std::vector<NodeId> SnapshotExchange::tick() {
    std::vector<NodeId> silent;
    for (auto& [peer, left] : sending_) {
        if (--left == 0) silent.push_back(peer);
    }
    for (const NodeId peer : silent) sending_.erase(peer);
    return silent;
}

std::vector<SnapshotOffer> SnapshotExchange::take_offers() {
    std::vector<SnapshotOffer> offers;
    if (const auto offer = std::exchange(offer_, std::nullopt)) {
        offers.push_back(SnapshotOffer{
            offer->message.from, offer->message.term, offer->point.point.term, offer->snapshot});
    }
    return offers;
}

void SnapshotExchange::fetched(NodeId self, SetId set, SnapshotOffer offer) {
    auto members = decode_members(offer.snapshot.conf_state);
    if (!members) return;
    PeerFrame frame;
    frame.set = set;
    frame.message.type = MessageType::snapshot;
    frame.message.from = offer.from;
    frame.message.to = self;
    frame.message.term = offer.message_term;
    frame.point = {{offer.term, offer.snapshot.index}, std::move(*members)};
    frame.snapshot = std::move(offer.snapshot);
    to_install_ = std::move(frame);
}

void SnapshotExchange::stepped(bool taken) {
    installation_ = Installation{taken, std::move(to_install_->snapshot)};
    to_install_.reset();
    if (taken) held_ = {};
}

std::optional<Installation> SnapshotExchange::take_installation() {
    return std::exchange(installation_, std::nullopt);
}

}  // namespace penstock::replication
