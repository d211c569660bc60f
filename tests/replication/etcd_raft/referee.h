// Referee: what must hold between the replicas of one set, whatever happens: one leader a term, the
// same (term, hash chain) at each applied index, reads as fresh as the highest index anybody had
// applied when they were asked. One thread; knows nothing of engines.
#pragma once

#include "tests/replication/etcd_raft/replica.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::replication::testing {

class Referee {
  public:
    void leads(NodeId node, std::uint64_t term);
    void applied(NodeId node, const Rows& rows);

    void asked(const ReadToken& token) { asked_[token] = highest_.applied.index; }

    void answered(NodeId node, const ReadState& read);

    void complain(std::string what) { complaints_.push_back(std::move(what)); }

    // The rows of whoever has applied most.
    [[nodiscard]] const Rows& highest() const { return highest_; }

    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

  private:
    std::map<std::uint64_t, NodeId> leaders_;
    std::map<LogIndex, std::pair<std::uint64_t, std::uint64_t>> chain_;
    std::map<ReadToken, LogIndex> asked_;
    Rows highest_;
    std::vector<std::string> complaints_;
};

}  // namespace penstock::replication::testing
