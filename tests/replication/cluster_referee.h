// ClusterReferee: sees everything the replicas of a simulated set do and notes what they must never
// do. Owned by one simulated cluster, one thread.
#pragma once

#include "broker/replication/log.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace penstock::replication::testing {

// An entry as a replica applied it.
struct AppliedEntry {
    LogIndex index = 0;
    std::uint64_t term = 0;
    TimeMs time_ms = 0;
    std::uint64_t hash = 0;      // chained over all entries up to here
    std::uint64_t proposed = 0;  // the proposal it is, 0: none
    friend bool operator==(const AppliedEntry&, const AppliedEntry&) = default;
};

class ClusterReferee {
  public:
    // A replica that begins has applied this already.
    void begins(NodeId node, LogIndex applied, std::uint64_t hash);
    void applied(NodeId node, const AppliedEntry& entry);

    void leads(NodeId node, std::uint64_t term);

    // `proposal` was handed to a log; it ends once, or its node crashes.
    void proposed(std::uint64_t proposal) { open_.insert(proposal); }

    void acknowledged(std::uint64_t proposal);
    void ended(std::uint64_t proposal, bool appended);

    void forgotten(std::uint64_t proposal) { open_.erase(proposal); }

    void read_issued(std::uint64_t read) { reads_[read] = highest(); }

    void read_confirmed(std::uint64_t read, LogIndex index, LogIndex applied);

    // Reads that come to nothing are asked of nobody again.
    void read_ended(std::uint64_t read) { reads_.erase(read); }

    void violation(const std::string& what) { violations_.push_back(what); }

    // After healing: what was refused is nowhere, what was acknowledged is there.
    void finish();

    [[nodiscard]] LogIndex highest() const { return chain_.empty() ? 0 : chain_.rbegin()->first; }

    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

    [[nodiscard]] std::uint64_t acknowledged_count() const { return acknowledged_.size(); }

    [[nodiscard]] std::uint64_t confirmed_reads() const { return confirmed_reads_; }

    [[nodiscard]] std::uint64_t trace() const { return trace_; }

  private:
    std::map<LogIndex, AppliedEntry> chain_;
    std::map<std::uint64_t, NodeId> leaders_;
    std::map<std::uint64_t, LogIndex> committed_proposals_;
    std::set<std::uint64_t> open_;
    std::set<std::uint64_t> acknowledged_;
    std::set<std::uint64_t> refused_;
    std::map<std::uint64_t, LogIndex> reads_;
    std::uint64_t confirmed_reads_ = 0;
    std::uint64_t trace_ = 0;
    std::vector<std::string> violations_;
};

}  // namespace penstock::replication::testing
