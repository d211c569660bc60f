// planted(K7): whether the bug of that number is planted here. The one test build of tests/planted
// compiles the files with such switches once more, with PENSTOCK_PLANTED, and switches one bug on
// at a time, to see that a simulation catches it. Everywhere else it is the constant false and
// leaves nothing behind: a test searches the program for it. What each bug is stands in
// tests/TRUST.md.
#pragma once

#include <cstdint>

namespace penstock {

enum Bug : std::uint8_t {
    no_bug,
    K2 = 2,
    K3,
    K4,
    K5,
    K6,
    K7,
    K8,
    K10 = 10,
    K11,
    K12,
    K13,
    K14,
    K15,
    K16,
    K17,
    K18,
    K19,
    K20,
    K21,
    K22,
    K23,
    K24,
    K25,
    K26,
    K27,
    K28,
    K29,
    K30,
    K31,
    K32,
    K33,
    K34,
    K35,
    K36,
    K37,
    K38,
    K39,
};

#ifdef PENSTOCK_PLANTED
[[nodiscard]] bool planted(Bug bug);
#else
[[nodiscard]] constexpr bool planted(Bug /*bug*/) {
    return false;
}
#endif

}  // namespace penstock
