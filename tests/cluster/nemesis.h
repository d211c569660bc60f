// Nemesis: a whole cluster, its clients, its receivers and random faults, all from one seed. First
// anything goes wrong; then one member stays broken for good in some way, and the others must go
// on; then everything heals, and what comes out is held against what was acknowledged. One thread,
// inside EngineLibrary::run_inside.
#pragma once

#include "tests/cluster/clients.h"

#include <cstdint>
#include <set>
#include <string>

namespace penstock::cluster::testing {

enum class Fault : std::uint8_t {
    crash,
    power_cut,  // of several at once
    isolate,
    cut,   // one link
    mute,  // one way of a link
    hang,  // of a node's thread
    weather,
    slow_disk,
    broken_disk,  // a node ends in the middle of a turn
};

// How the one that is never well again is broken in the second phase.
enum class Broken : std::uint8_t { down, isolated, deaf, dumb, half_cut, wiped };

// What a seed plays: everything but the dice.
struct Game {
    std::uint64_t seed = 0;
    std::uint64_t members = 3;
    std::uint16_t data_sets = 2;
    bool changes = false;  // nodes join and leave, leadership is moved, sets are balanced
    Ack ack = Ack::all;
    std::uint32_t flush_age_ms = 300;
    std::uint64_t keep_bytes = 1ULL << 30;  // of logs: little of it makes snapshots
    std::int64_t skew_ms = 0;
    std::set<Fault> faults;
    Broken broken = Broken::down;
};

// Every kind of game comes round.
Game game_of(std::uint64_t seed);

// In one line.
std::string show(const Game& game);

struct Ran {
    Told told;
    std::uint64_t events = 0;
    std::uint64_t trace = 0;     // equal for equal seeds
    std::uint64_t attempts = 0;  // of pushes
    std::uint64_t crashes = 0;
    std::uint64_t mutes = 0;      // one-way cuts
    std::uint64_t slow = 0;       // disks
    std::uint64_t changes = 0;    // that were agreed to
    std::uint64_t installed = 0;  // snapshots
};

Ran play(const Game& game);

}  // namespace penstock::cluster::testing
