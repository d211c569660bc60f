// Which game catches which planted bug, and a seed of it that does. Any thread.
#pragma once

#include "broker/base/planted.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::planted_bugs {

// Stands in the one program that has switches, to see that a search for it finds something.
inline constexpr const char* build_mark = "bugs can be planted in this program";

struct Recorded {
    Bug bug = no_bug;
    std::string game;
    std::uint64_t seed = 0;
};

const std::vector<Recorded>& recorded();

}  // namespace penstock::planted_bugs
