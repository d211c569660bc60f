// PeerWatch: the last picture of the links to the other nodes, asked of their thread once a second.
// Owned by the ClusterNode, broker thread only.
#pragma once

#include "broker/model/metric.h"
#include "broker/node/node.h"
#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <memory>
#include <string>

namespace penstock::cluster {

class PeerWatch {
  public:
    // Now and then; `peers` and the mailbox's node outlive this.
    void look(replication::transport::Peers& peers,
              const std::shared_ptr<node::Mailbox>& mailbox,
              std::int64_t now_us);

    // As it was at most a second ago; empty before the first answer.
    [[nodiscard]] const replication::transport::PeersState& state() const { return state_; }

    // Why it cannot be dialed now; empty: it can, or nobody has tried.
    [[nodiscard]] std::string dial_problem(model::NodeId node) const;

    // Connections that were refused here, for whatever reason.
    [[nodiscard]] std::uint64_t refused() const;

    void measure(model::Metrics& metrics) const;

  private:
    replication::transport::PeersState state_;
    std::int64_t next_us_ = 0;
};

}  // namespace penstock::cluster
