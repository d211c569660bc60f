// PendingReads: reads that wait until this node is known to lead still. All that wait at the
// beginning of a cycle share one question to the peers; an answer is given once the index it names
// has been handed out. Owned by RaftLog, broker thread.
#pragma once

#include "broker/replication/etcd_raft/types.h"
#include "broker/replication/log.h"

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace penstock::replication {

class PendingReads {
  public:
    void add(std::uint64_t token) { waiting_.push_back(token); }

    [[nodiscard]] bool waiting() const { return !waiting_.empty(); }

    // Those that wait are asked about under `question`.
    void asked(const ReadToken& question);

    // The engine did not take this question, ...
    void refused(const ReadToken& question, std::vector<Ended>& ended);

    // ... or answered it. A question that is unknown by now is no error.
    void answered(const ReadState& answer);

    // Entries up to `index` have been handed out.
    void handed_out(LogIndex index);

    // This node does not lead any more: none of them will be answered.
    void lost(std::vector<Ended>& ended);

    std::vector<ConfirmedRead> take() { return std::exchange(confirmed_, {}); }

  private:
    using Tokens = std::vector<std::uint64_t>;

    Tokens waiting_;
    std::map<ReadToken, Tokens> asked_;
    std::deque<std::pair<LogIndex, Tokens>> answered_;
    std::vector<ConfirmedRead> confirmed_;
};

}  // namespace penstock::replication
