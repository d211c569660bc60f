// Neighbours: what a node of a cluster has beside one that stands alone: logs its sets agree by,
// and ways to the nodes that lead the others. Implemented by broker/cluster; the Node calls it on
// its own thread, in the turn.
#pragma once

#include "broker/api/requests.h"
#include "broker/model/metric.h"
#include "broker/node/bodies.h"
#include "broker/node/hosted_set.h"
#include "broker/node/validation.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <vector>

namespace penstock::node {

class Node;

class Neighbours {
  public:
    virtual ~Neighbours() = default;

    // Data sets with a replica here, known before any of them is opened. `names` are the rows of
    // set 0 as they were flushed; null: they cannot be read now.
    [[nodiscard]] virtual std::vector<model::SetId> hosted(const model::Rows* names) = 0;

    // Sets whose state was being replaced, or removed, when the last run ended; and the end of
    // that, with the other sets' rows and the log open: gives those that are here then.
    virtual Result<std::set<model::SetId>> being_replaced() = 0;
    virtual Result<std::set<model::SetId>> finish_replacing(storage::LogStore& store) = 0;

    virtual Result<std::unique_ptr<replication::Log>> open_log(HostedSet& set,
                                                               storage::LogStore& store) = 0;

    // Before a turn's entries are formed: what came in from others, and time that has passed.
    virtual void begin_turn(Node& node, std::int64_t now_us) = 0;

    // The turn's entries are formed, and not yet synced: what peers are told meanwhile goes now.
    virtual void proposed() = 0;

    // The turn's sync of the log store took so long, in microseconds.
    virtual void synced(std::int64_t took_us) = 0;

    // After its entries are applied. An error is final.
    virtual Result<void> end_turn(Node& node, std::int64_t now_us) = 0;

    // Monotonic microseconds at which a turn is wanted even if nothing comes in.
    [[nodiscard]] virtual std::int64_t next_wake_us() const = 0;

    // A request for a set that this node does not lead: answered by the one that does, or refused
    // when there is none in time.
    virtual void forward(model::SetId set,
                         const CallPtr& call,
                         api::Request request,
                         PreparedBodies bodies,
                         bool repeatable) = 0;

    // Runs `then` once set 0 is here as its leader had it just now; false: none could be asked.
    virtual void names_current(std::function<void(bool)> then) = 0;

    // Asks the other replicas for an entry that is damaged here. `done` at once where none can be
    // asked.
    virtual void mend(Node& node, model::SetId set, model::LogIndex index, Mended done) = 0;

    // The cluster as its nodes see it: each set as its leader tells, where that answers in time.
    virtual void survey(Node& node, std::function<void(api::ClusterView)> done) = 0;

    // Puts in what is known here of sets, replicas and links.
    virtual void measure(model::Metrics& metrics) = 0;

    // Has set 0 want the cluster to be different; `done` with why not, or nothing.
    virtual void change(Node& node,
                        const api::ChangeCluster& request,
                        std::function<void(Refused)> done) = 0;

    // Makes a cluster of this node and its configured peers; `done` with why not, or nothing.
    virtual void init(Node& node, std::function<void(Refused)> done) = 0;

    // A command for a set that this node does not lead.
    virtual void submit(model::SetId set, Submission submission) = 0;
};

}  // namespace penstock::node
