// Founding: how a cluster begins, and what keeps a node that lost its disk out of it. In two
// phases: the caller asks every founder for a promise, and only when all have given theirs it
// begins, durably, and calls the others to begin. From then on each founder that has begun calls
// those that have not said so yet, so that nobody is needed to finish it. Who is called to begin
// and does not hold its promise is not who gave it: it is refused for good.
//
// Asks and remembers; what beginning means is the ClusterNode's, which owns it. Broker thread.
#pragma once

#include "broker/cluster/identity.h"
#include "broker/cluster/promises.h"
#include "broker/cluster/words.h"
#include "broker/node/mailbox.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cluster {

class Founding {
  public:
    Founding(NodeId self, Disk& disk, const std::string& folder, Random& random)
        : self_(self), random_(random), promises_(disk, folder) {}

    // What earlier runs promised.
    Result<void> load() { return promises_.load(); }

    void use(replication::transport::Peers& peers, std::shared_ptr<node::Mailbox> mailbox);

    // This node's answer to prepare. Of two that gather at the same time the one with the lower id
    // goes on, and the other one's gather() fails.
    Result<std::uint64_t> promise(NodeId caller, ClusterId cluster);

    // This node gave the promise that `identity` names for it.
    [[nodiscard]] bool promised(const Identity& identity) const;

    // Asks every other founder for its promise: `done` with all of them in the identity, or with
    // the problems of those that gave none within five seconds.
    void gather(Identity identity, std::function<void(Result<Identity>)> done);

    // Calls every other founder to begin; `done` with the problems, empty when all have begun.
    void call(const Identity& identity, const std::function<void(std::string)>& done);

    // Asks one node that has no identity yet to join.
    void invite(NodeId node, Identity identity, std::function<void(Result<void>)> done);

    // Now and then on a node that takes part: calls those of `members` that are connected and have
    // not yet said that they take part too.
    void tend(const Identity& identity,
              const std::vector<NodeId>& members,
              const std::function<bool(NodeId)>& connected,
              std::int64_t now_us);

    // A connection with it stands, or has ended: it may be another than before.
    void forget(NodeId node) { others_.erase(node); }

    // What is wrong with a node that is connected; empty: nothing known.
    [[nodiscard]] std::string problem_of(NodeId node) const;

  private:
    struct Other {
        bool takes_part = false;
        std::int64_t called_us = 0;
        bool lost = false;
        std::string problem;
    };

    using Heard = std::function<void(const FoundAnswer&)>;

    void ask(NodeId node, FoundStep step, const Identity& identity, Heard heard);
    void ask_all(const Identity& identity,
                 FoundStep step,
                 const std::function<void(NodeId, const FoundAnswer&)>& each,
                 std::function<void(std::string)> done);
    void heard_of(NodeId node, const FoundAnswer& answer);

    NodeId self_;
    Random& random_;
    Promises promises_;
    replication::transport::Peers* peers_ = nullptr;
    std::shared_ptr<node::Mailbox> mailbox_;
    std::optional<ClusterId> gathers_;  // promises for this one are being asked for
    std::map<NodeId, Other> others_;    // connected ones
};

}  // namespace penstock::cluster
