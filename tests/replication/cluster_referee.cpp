#include "tests/replication/cluster_referee.h"

#include "broker/base/hash.h"

namespace penstock::replication::testing {

namespace {

std::string text(std::uint64_t number) {
    return std::to_string(number);
}

std::string name(NodeId node) {
    return "node " + text(node.value);
}

}  // namespace

void ClusterReferee::begins(NodeId node, LogIndex applied, std::uint64_t hash) {
    const auto found = chain_.find(applied);
    if (found != chain_.end() && found->second.hash != hash) {
        violation(name(node) + " begins with another history at entry " + text(applied));
    }
}

void ClusterReferee::applied(NodeId node, const AppliedEntry& entry) {
    trace_ = mix64(trace_ ^ mix64(entry.hash + node.value));
    const auto [found, fresh] = chain_.emplace(entry.index, entry);
    if (!fresh) {
        if (found->second != entry) {
            violation("committed prefix differs at entry " + text(entry.index) + " on " +
                      name(node));
        }
        return;
    }
    if (found != chain_.begin() && std::prev(found)->second.time_ms > entry.time_ms) {
        violation("time goes back at entry " + text(entry.index));
    }
    if (entry.proposed == 0) return;
    if (!committed_proposals_.emplace(entry.proposed, entry.index).second) {
        violation("proposal " + text(entry.proposed) + " is committed twice");
    }
}

void ClusterReferee::leads(NodeId node, std::uint64_t term) {
    const auto [found, fresh] = leaders_.emplace(term, node);
    if (!fresh && found->second != node) violation("two leaders in term " + text(term));
}

void ClusterReferee::acknowledged(std::uint64_t proposal) {
    if (open_.erase(proposal) == 0) violation("proposal " + text(proposal) + " ends twice");
    acknowledged_.insert(proposal);
}

void ClusterReferee::ended(std::uint64_t proposal, bool appended) {
    if (open_.erase(proposal) == 0) violation("proposal " + text(proposal) + " ends twice");
    if (!appended) refused_.insert(proposal);
}

void ClusterReferee::read_confirmed(std::uint64_t read, LogIndex index, LogIndex applied) {
    const auto found = reads_.find(read);
    if (found == reads_.end()) return violation("read " + text(read) + " ends twice");
    if (index < found->second) violation("stale read " + text(read));
    if (applied < index) violation("a read is answered from rows that are behind");
    reads_.erase(found);
    ++confirmed_reads_;
}

void ClusterReferee::finish() {
    for (const std::uint64_t proposal : refused_) {
        if (committed_proposals_.contains(proposal)) {
            violation("proposal " + text(proposal) + " was refused and is committed");
        }
    }
    for (const std::uint64_t proposal : acknowledged_) {
        if (!committed_proposals_.contains(proposal)) {
            violation("proposal " + text(proposal) + " was acknowledged and is lost");
        }
    }
    for (const std::uint64_t proposal : open_) {
        violation("proposal " + text(proposal) + " never ends");
    }
    for (const auto& [read, index] : reads_) violation("read " + text(read) + " never ends");
}

}  // namespace penstock::replication::testing
