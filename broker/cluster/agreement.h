// Agreement: whether the replicas of a set hold the same: each asks the others for their state hash
// at an entry that it has applied itself, every thousand entries and every two seconds while there
// are new ones. A majority is right. Who differs from it must serve nothing more: that is written
// into the data folder, so that no later start goes on either, and ends the process. Where nobody
// has a majority everyone says so and goes on. Owned by the ClusterNode, broker thread only.
#pragma once

#include "broker/base/disk.h"
#include "broker/cluster/words.h"
#include "broker/node/node.h"
#include "broker/replication/raft_log.h"
#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace penstock::cluster {

using model::LogIndex;
using model::NodeId;
using model::SetId;

struct AgreementCounters {
    std::uint64_t compared = 0;  // hashes of others at an own index
    std::uint64_t differed = 0;  // of those: not the own one
};

class Agreement {
  public:
    Agreement(Disk& disk, std::string data_folder, NodeId self)
        : disk_(disk), data_folder_(std::move(data_folder)), self_(self) {}

    void use(replication::transport::Peers& peers, std::shared_ptr<node::Mailbox> mailbox) {
        peers_ = &peers;
        mailbox_ = std::move(mailbox);
    }

    // Now and then for each set that is here. Error{damaged}, final: this replica is in the
    // minority.
    Result<void> tend(node::Node& node, const replication::RaftLog& log, std::int64_t now_us);

    // Another replica asks.
    [[nodiscard]] static AgreeAnswer answer(node::Node& node, const AgreeQuestion& question);

    // That node's replica was last seen with another state hash than this one's.
    [[nodiscard]] bool differs(SetId set, NodeId node) const;

    [[nodiscard]] const AgreementCounters& counters() const { return counters_; }

  private:
    // One comparison, of all replicas at one entry.
    struct Round {
        SetId set;
        LogIndex index = 0;
        std::uint64_t hash = 0;
        std::vector<NodeId> voters;
        std::map<NodeId, std::uint64_t> heard;
        std::size_t asked = 0;
        std::size_t missing = 0;
    };

    struct Compared {
        LogIndex seen = 0;     // applied when it was tended last: the others are about there now
        LogIndex settled = 0;  // all have answered for that one
        LogIndex asked = 0;
        std::int64_t asked_us = 0;
        bool asking = false;
        std::set<NodeId> differing;
    };

    void begin(node::Node& node, const replication::RaftLog& log, LogIndex index);
    void take(Round& round, NodeId from, const replication::transport::Answer& answer);
    void judge(const Round& round);
    void stop_serving(const Round& round, std::uint64_t majority_hash);

    Disk& disk_;
    std::string data_folder_;
    NodeId self_;
    replication::transport::Peers* peers_ = nullptr;
    std::shared_ptr<node::Mailbox> mailbox_;
    std::map<SetId, Compared> sets_;
    std::optional<Error> minority_;
    AgreementCounters counters_;
};

}  // namespace penstock::cluster
