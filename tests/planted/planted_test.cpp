// Every planted bug is caught: by default from its recorded seed, or one soon after it, since every
// change of the product or of a game gives the seeds another meaning; with PENSTOCK_TEST_SIZE=full
// from fresh seeds, which are printed, at most 2,000 a bug and at the median fewer than 200.
// Without the bug the recorded seed is clean, so that it is the bug that is caught. And the program
// that is shipped has no switches.
#include "tests/planted/recorded.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace penstock::planted_bugs {
namespace {

// What else a change of the product draws differently moves the seed a little.
constexpr std::uint64_t seeds_from_the_recorded = 300;
constexpr std::uint64_t fresh_seeds_max = 2'000;
constexpr std::uint64_t median_max = 200;

struct Hunt {
    bool caught = false;
    bool ended = false;       // it played all of its seeds, none complained
    std::uint64_t seeds = 0;  // played
    std::string how;
};

// A process of its own: a bug may end it.
Hunt hunt(Bug bug, const std::string& game, std::uint64_t first, std::uint64_t seeds) {
    const std::string command = std::string(PENSTOCK_PLANTED_GAMES) + " " + std::to_string(bug) +
                                " " + game + " " + std::to_string(first) + " " +
                                std::to_string(seeds) + " 2>/dev/null";
    std::FILE* pipe = popen(command.c_str(), "r");
    std::string said;
    std::array<char, 4096> bytes{};
    while (pipe != nullptr) {
        const std::size_t read = fread(bytes.data(), 1, bytes.size(), pipe);
        if (read == 0) break;
        said.append(bytes.data(), read);
    }
    const int status = pipe == nullptr ? -1 : pclose(pipe);
    Hunt hunt;
    for (std::size_t at = said.find("seed "); at != std::string::npos;
         at = said.find("\nseed ", at + 1)) {
        ++hunt.seeds;
    }
    const std::size_t at = said.find("caught ");
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (at != std::string::npos) hunt.how = said.substr(at, said.find('\n', at) - at);
    if (at == std::string::npos && code != 1) hunt.how = "the process ended by itself";
    hunt.ended = code == 1 && hunt.how.empty();
    // Whoever cannot even be started has caught nothing.
    hunt.caught = !hunt.ended && hunt.seeds > 0 && code != 2;
    return hunt;
}

class PlantedBug : public ::testing::TestWithParam<Recorded> {};

TEST_P(PlantedBug, IsCaughtFromItsSeedAndTheSeedIsCleanWithoutIt) {
    const Recorded& bug = GetParam();
    const Hunt with = hunt(bug.bug, bug.game, bug.seed, seeds_from_the_recorded);
    EXPECT_TRUE(with.caught) << "K" << int{bug.bug} << " in " << bug.game << " seed " << bug.seed;
    const std::uint64_t seed = bug.seed + with.seeds - 1;
    std::cout << "  K" << int{bug.bug} << " " << bug.game << " seed " << seed << ": " << with.how
              << "\n";
    const Hunt without = hunt(no_bug, bug.game, seed, 1);
    EXPECT_TRUE(without.ended) << without.how;
}

INSTANTIATE_TEST_SUITE_P(Recorded,
                         PlantedBug,
                         ::testing::ValuesIn(recorded()),
                         [](const auto& one) { return "K" + std::to_string(one.param.bug); });

// Of K1 and K9 tests/TRUST.md says why they have no switch.
TEST(PlantedBugs, AreAllThatHaveASwitch) {
    const std::set<int> without_a_place{1, 9};
    std::set<int> known;
    for (const Recorded& bug : recorded()) known.insert(bug.bug);
    for (int number = 1; number <= K39; ++number) {
        EXPECT_NE(known.contains(number), without_a_place.contains(number)) << "K" << number;
    }
    EXPECT_EQ(known.size(), 37U);
}

// Nightly, and by hand.
TEST(PlantedBugs, InFullAreCaughtFromFreshSeedsOfWhichTheMedianIsBelow200) {
    if (!testing::is_full_size()) return;
    const char* asked = std::getenv("PENSTOCK_SEED");
    const auto ticks = std::chrono::steady_clock::now().time_since_epoch().count();
    const std::uint64_t first = asked != nullptr
                                    ? std::strtoull(asked, nullptr, 10)
                                    : 1'000'000 + static_cast<std::uint64_t>(ticks) % 1'000'000'000;
    std::cout << "PENSTOCK_SEED=" << first << "\n";
    std::vector<std::uint64_t> taken;
    for (const Recorded& bug : recorded()) {
        const Hunt fresh = hunt(bug.bug, bug.game, first, fresh_seeds_max);
        EXPECT_TRUE(fresh.caught) << "K" << int{bug.bug} << " in " << bug.game;
        std::cout << "  K" << int{bug.bug} << " " << bug.game << ": " << fresh.seeds << " seeds, "
                  << fresh.how << std::endl;
        taken.push_back(fresh.seeds);
    }
    std::sort(taken.begin(), taken.end());
    EXPECT_LT(taken[taken.size() / 2], median_max);
}

// ---- what is shipped ----------------------------------------------------------------------------

// What the linker keeps of a switch: its name in the symbols, and the words of the test build.
bool has_switches(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file.good()) << path;
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    return bytes.find("_ZN8penstock7plantedE") != std::string::npos ||
           bytes.find(build_mark) != std::string::npos;
}

TEST(PlantedBugs, HaveNoSwitchesInThePrograms) {
    for (const char* program : {PENSTOCK_SERVER, PENSTOCK_SUPERVISOR, PENSTOCK_LUA}) {
        EXPECT_FALSE(has_switches(program)) << program;
    }
    // The same look finds them where they are.
    EXPECT_TRUE(has_switches(PENSTOCK_PLANTED_GAMES));
}

}  // namespace
}  // namespace penstock::planted_bugs
