// Nemesis: random clients and random faults against a whole cluster, all from one seed; then
// everything heals, and what comes out is held against what was acknowledged.
#pragma once

#include "tests/cluster/clients.h"

#include <cstdint>

namespace penstock::cluster::testing {

// What is played. Faults of all kinds are always drawn.
struct Game {
    std::uint64_t members = 3;
    bool changes = false;  // nodes join and leave, leadership is moved, sets are balanced
    Ack ack = Ack::all;
};

struct Ran {
    Told told;
    std::uint64_t crashes = 0;
    std::uint64_t mutes = 0;    // one-way cuts
    std::uint64_t slow = 0;     // disks
    std::uint64_t changes = 0;  // that were agreed to
};

// Every kind of game comes round.
Game game_of(std::uint64_t seed);

Ran play(std::uint64_t seed, const Game& game);

}  // namespace penstock::cluster::testing
