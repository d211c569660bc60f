// The simulations that planted bugs are looked for in, by name. One thread, inside
// EngineLibrary::run_inside.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::planted_bugs {

// Plays a seed of a game; the first complaint, empty when there is none.
using Play = std::string (*)(std::uint64_t seed);

// Null: there is no such game.
Play game_of(std::string_view name);

}  // namespace penstock::planted_bugs
