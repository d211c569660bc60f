// Elections: when a replica that does not lead stands. It counts ticks since it last heard of a
// leader (or gave its vote) against a time-out drawn anew each time; the engine itself only counts
// along, so that runs repeat from a seed. When the leader is known to be gone, the voters stand one
// after the other without waiting, each in its turn. Owned by RaftLog, broker thread.
#pragma once

#include "broker/base/random.h"

#include <cstdint>

namespace penstock::replication {

// Ticks between the turns of two voters whose leader is gone: long enough for an election.
inline constexpr std::uint32_t turn_ticks = 3;

class Elections {
  public:
    Elections(Random& random, std::uint32_t election_ticks)
        : random_(random), election_ticks_(election_ticks) {
        draw();
    }

    void tick() { ++elapsed_; }

    // A leader spoke, or this node voted for somebody.
    void heard();

    // The leader is gone; this node is the `turn`th to stand of the `voters` that are left, from 0.
    void hurry(std::uint32_t turn, std::uint32_t voters);

    [[nodiscard]] bool due() const { return elapsed_ >= timeout_; }

    // This node stands now.
    void stood();

  private:
    void draw();

    Random& random_;
    std::uint32_t election_ticks_;
    std::uint32_t elapsed_ = 0;
    std::uint32_t timeout_ = 0;
    std::uint32_t round_ticks_ = 0;  // of all voters' turns
    std::uint32_t rounds_left_ = 0;  // of turns, before time-outs are drawn again
};

}  // namespace penstock::replication
