// Proposals: what this node proposed to a set and has not heard of again. Every token ends exactly
// once: committed, or Ended. Owned by RaftLog, broker thread.
#pragma once

#include "broker/replication/etcd_raft/types.h"
#include "broker/replication/log.h"

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

namespace penstock::replication {

class Proposals {
  public:
    // At most `bytes_max` wait or are under way; one proposal of any size always fits.
    explicit Proposals(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    // False: too much is under way.
    bool add(Proposal proposal);

    // Those that wait for the next cycle, in order.
    [[nodiscard]] std::vector<Proposal> take_waiting();

    [[nodiscard]] bool waiting() const { return !waiting_.empty(); }

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

    // What became of one that was taken: it has a place in the log of `point.term`'s leader, ...
    void appended(const Proposal& proposal, LogPoint point);

    // ... or never will have one.
    void dropped(const Proposal& proposal, std::vector<Ended>& ended);

    // The entry at `point` is committed: its token, or 0.
    std::uint64_t committed(LogPoint point);

    // This node does not lead in `term` (0: in none): what was proposed in other terms may or may
    // not come about.
    void lost_all_but(std::uint64_t term, std::vector<Ended>& ended);

    // Those that wait will not be proposed.
    void drop_waiting(std::vector<Ended>& ended);

    static std::uint64_t bytes_of(const Proposal& proposal);

  private:
    struct UnderWay {
        std::uint64_t token = 0;
        std::uint64_t term = 0;
        std::uint64_t bytes = 0;
    };

    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    std::vector<Proposal> waiting_;
    std::map<LogIndex, UnderWay> under_way_;
};

}  // namespace penstock::replication
