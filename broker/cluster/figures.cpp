// What a node tells in figures of its sets' replicas and of its dealings with other nodes.
#include "broker/cluster/cluster_node.h"

#include <string>

namespace penstock::cluster {

namespace {

double number(std::uint64_t value) {
    return static_cast<double>(value);
}

void measure_raft(model::Metrics& metrics,
                  const replication::RaftCounters& raft,
                  const std::string& set) {
    const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        metrics.counter(name, help, value, {{"set", set}});
    };
    counter("penstock_raft_frames_received",
            "Frames of the set that came from its other replicas.",
            raft.frames_received);
    counter("penstock_raft_frames_refused",
            "Of those: malformed, or not from whom they say.",
            raft.frames_refused);
    counter(
        "penstock_raft_frames_dropped", "Of those: dropped, too many waited.", raft.frames_dropped);
    counter("penstock_raft_messages_refused",
            "Messages that the engine did not take.",
            raft.messages_refused);
    counter("penstock_raft_elections", "Times that this node stood for election.", raft.elections);
    counter("penstock_raft_entries_reread",
            "Entries read back from the disk for a replica that is behind.",
            raft.entries_reread);
    counter("penstock_raft_entries_unreadable",
            "Of those: damaged, and therefore not sent.",
            raft.entries_unreadable);
    counter("penstock_raft_snapshots_offered",
            "Snapshots offered to replicas that are behind.",
            raft.snapshots_offered);
    counter("penstock_raft_snapshots_installed",
            "Snapshots that became the set here.",
            raft.snapshots_installed);
}

void measure_replicas(model::Metrics& metrics,
                      const replication::RaftLog& log,
                      const InSync& in_sync,
                      const std::string& set) {
    const auto replica = [&](NodeId node) {
        if (node == log.self()) return;
        const auto progress = log.progress(node);
        const LogIndex match = progress ? progress->match : 0;
        const LogIndex last = log.committed();
        const model::MetricLabels labels{{"set", set}, {"node", std::to_string(node.value)}};
        metrics.gauge("penstock_replica_lag_entries",
                      "Committed entries that the replica lacks; told by the set's leader.",
                      number(last > match ? last - match : 0),
                      labels);
        metrics.gauge("penstock_replica_in_sync",
                      "1 for a replica that answers wait for with ack = all; by the leader.",
                      in_sync.has(node) ? 1 : 0,
                      labels);
    };
    for (const NodeId voter : log.members().voters) replica(voter);
    for (const NodeId learner : log.members().learners) replica(learner);
}

void measure_forwarding(model::Metrics& metrics, const ForwardingCounters& counters) {
    metrics.counter("penstock_requests_forwarded",
                    "Requests and commands sent to the node that leads their set.",
                    counters.forwarded);
    metrics.counter(
        "penstock_requests_forwarded_again", "Of those: sent once more.", counters.repeated);
    metrics.counter("penstock_requests_served_for_others",
                    "Requests and commands run here for other nodes.",
                    counters.served);
    metrics.counter("penstock_requests_forwarded_unknown",
                    "Requests sent on whose link broke before the answer.",
                    counters.unknown);
}

void measure_snapshots(model::Metrics& metrics, const SnapshotCounters& counters) {
    metrics.counter("penstock_snapshots_made", "Snapshots made for others.", counters.made);
    metrics.counter("penstock_snapshots_fetched_bytes",
                    "Bytes of snapshots fetched from others.",
                    counters.fetched_bytes);
    metrics.counter(
        "penstock_snapshots_installed", "Snapshots that became a set here.", counters.installed);
    metrics.counter("penstock_snapshots_failed",
                    "Fetches of snapshots that were given up.",
                    counters.fetch_failed);
    metrics.counter("penstock_snapshots_make_failed",
                    "Snapshots for others that could not be made.",
                    counters.make_failed);
}

void measure_arranging(model::Metrics& metrics,
                       const ArrangerCounters& arranged,
                       const MembershipCounters& members) {
    metrics.counter("penstock_replicas_placed",
                    "Changes of a set's replicas that this node planned as leader of set 0.",
                    arranged.moves);
    metrics.counter("penstock_nodes_lost",
                    "Times a node was away for longer than cluster.replace_after.",
                    arranged.lost);
    metrics.counter("penstock_membership_changes",
                    "Replicas added, promoted or removed by this node as their leader.",
                    members.changes);
    metrics.counter("penstock_leads_transferred",
                    "Sets handed to the node that should lead them.",
                    members.transfers);
}

void measure_fitness(model::Metrics& metrics,
                     const AgreementCounters& agreement,
                     const RetreatCounters& retreat) {
    metrics.counter("penstock_state_hashes_compared",
                    "State hashes of other replicas held against those of the replicas here.",
                    agreement.compared);
    metrics.counter(
        "penstock_state_hashes_different", "Of those: others than here.", agreement.differed);
    metrics.counter("penstock_syncs_slow",
                    "Syncs of the log store that took longer than cluster.slow_sync.",
                    retreat.slow_syncs);
    metrics.counter("penstock_leads_given_up",
                    "Sets handed to other nodes because of that, or before a stop.",
                    retreat.given_up);
}

}  // namespace

void ClusterNode::measure(model::Metrics& metrics) {
    for (const auto& [id, log] : logs_) {
        const std::string set = std::to_string(id.value);
        const replication::Leadership leadership = log->leadership();
        metrics.gauge("penstock_set_term",
                      "The set's term, as far as it is known here.",
                      number(leadership.term),
                      {{"set", set}});
        metrics.gauge("penstock_set_leader",
                      "Id of the node that leads the set, 0: none is known.",
                      number(leadership.leader.value),
                      {{"set", set}});
        metrics.gauge("penstock_set_committed_index",
                      "Index of the last entry known to be committed.",
                      number(log->committed()),
                      {{"set", set}});
        metrics.counter("penstock_set_leader_changes",
                        "Times that another leader of the set, or none, became known here.",
                        leader_changes_[id],
                        {{"set", set}});
        if (const node::HostedSet* hosted = node_ == nullptr ? nullptr : node_->hosted(id)) {
            metrics.gauge("penstock_set_format_level",
                          "Format level that the set's entries have reached.",
                          number(hosted->format()),
                          {{"set", set}});
        }
        measure_raft(metrics, log->counters(), set);
        const InSync& in_sync = in_sync_.at(id);
        metrics.counter("penstock_replica_fallbacks",
                        "Times that answers ceased to wait for a replica.",
                        in_sync.counters().left,
                        {{"set", set}});
        metrics.counter("penstock_replica_returns",
                        "Times that a replica had caught up and was waited for again.",
                        in_sync.counters().joined,
                        {{"set", set}});
        if (leadership.leading) measure_replicas(metrics, *log, in_sync, set);
    }
    measure_forwarding(metrics, forwarding_.counters());
    measure_snapshots(metrics, snapshots_.counters());
    metrics.counter("penstock_entries_repaired",
                    "Damaged entries had again from another node.",
                    repairs_.counters().repaired);
    metrics.counter("penstock_entries_not_repaired",
                    "Damaged entries that no other node could give.",
                    repairs_.counters().failed);
    metrics.counter("penstock_raft_frames_strange",
                    "Frames of sets that are not here.",
                    counters_.frames_strange);
    measure_arranging(metrics, arranger_.counters(), membership_.counters());
    measure_fitness(metrics, agreement_.counters(), retreat_.counters());
    peer_watch_.measure(metrics);
}

}  // namespace penstock::cluster
