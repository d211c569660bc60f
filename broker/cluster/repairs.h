// Repairs: entries that are damaged on this node's disk are had again from a peer that holds the
// set: asked one after the other, the leader first. A whole copy goes to the log store, which
// rewrites the entry's segment with it as soon as it may, and to whoever waits for a body of it.
// Owned by the ClusterNode, broker thread only. Nobody has one: those who wait are told, the entry
// stays damaged.
#pragma once

#include "broker/cluster/words.h"
#include "broker/node/node.h"
#include "broker/replication/raft_log.h"
#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::cluster {

using model::NodeId;
using model::SetId;

// What this node's store has of an entry, for a peer that asks.
RecordAnswer read_record(const storage::LogStore& store, const RecordQuestion& question);

// The entry of an answer. Error{damaged}: it is not the one that was asked for, or not whole.
Result<storage::EntryRecord> record_of(const RecordQuestion& question, std::string_view bytes);

struct RepairCounters {
    std::uint64_t repaired = 0;  // entries had again
    std::uint64_t failed = 0;    // nobody could give them
};

class Repairs {
  public:
    void use(replication::transport::Peers& peers) { peers_ = &peers; }

    // `done` with the copy, or with null when there is none: at once where nobody can be asked.
    void mend(node::Node& node,
              const replication::RaftLog* log,
              model::LogIndex index,
              node::Mended done);

    // Once a turn for each set: what its log could not send is mended too.
    void tend(node::Node& node, const replication::RaftLog& log);

    [[nodiscard]] const RepairCounters& counters() const { return counters_; }

  private:
    using Place = std::pair<SetId, model::LogIndex>;

    struct Mending {
        std::vector<NodeId> others;  // to be asked, the last one first
        std::vector<node::Mended> waiting;
    };

    void ask_next(node::Node& node, const Place& place);
    void told(node::Node& node,
              const Place& place,
              NodeId from,
              const replication::transport::Answer& answer);
    void end(const Place& place, const storage::EntryRecord* copy);

    replication::transport::Peers* peers_ = nullptr;
    std::map<Place, Mending> mending_;
    std::map<SetId, model::LogIndex> unsent_;  // had again for the log, or tried to
    RepairCounters counters_;
};

}  // namespace penstock::cluster
