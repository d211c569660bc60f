// The nemesis from many seeds. That it finds bugs is shown in tests/planted.
#include "tests/cluster/nemesis.h"

#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace penstock::cluster::testing {
namespace {

std::uint64_t first_seed() {
    const char* asked = std::getenv("PENSTOCK_SEED");
    return asked == nullptr ? 1 : std::strtoull(asked, nullptr, 10);
}

std::uint64_t seeds() {
    if (std::getenv("PENSTOCK_SEED") != nullptr) return 1;
    return penstock::testing::is_full_size() ? 500 : 20;
}

void add(Ran& sum, const Ran& ran) {
    sum.told.acknowledged += ran.told.acknowledged;
    sum.told.removed += ran.told.removed;
    sum.told.counted += ran.told.counted;
    sum.told.pushed += ran.told.pushed;
    sum.told.settled += ran.told.settled;
    sum.crashes += ran.crashes;
    sum.mutes += ran.mutes;
    sum.slow += ran.slow;
    sum.changes += ran.changes;
}

TEST(Nemesis, NothingAcknowledgedIsLostOrComesBack) {
    Ran sum;
    for (std::uint64_t seed = first_seed(); seed < first_seed() + seeds(); ++seed) {
        const Ran ran = play(seed, game_of(seed));
        for (const std::string& what : ran.told.complaints) {
            ADD_FAILURE() << "PENSTOCK_SEED=" << seed << ": " << what;
        }
        add(sum, ran);
    }
    std::cout << "acknowledged " << sum.told.acknowledged << ", removed " << sum.told.removed
              << ", counted " << sum.told.counted << ", pushed " << sum.told.pushed << " times for "
              << sum.told.settled << ", crashes " << sum.crashes << ", one-way cuts " << sum.mutes
              << ", slow disks " << sum.slow << ", changes of membership " << sum.changes << "\n";
    if (seeds() == 1) return;
    // What never happened was not tested.
    EXPECT_GT(sum.told.acknowledged, 15 * seeds());
    EXPECT_GT(sum.told.removed, 2 * seeds());
    EXPECT_GT(sum.told.counted, 5 * seeds());
    EXPECT_GT(sum.told.settled, 5 * seeds());
    EXPECT_GT(sum.told.pushed, sum.told.settled);
    EXPECT_GT(sum.crashes, seeds());
    EXPECT_GT(sum.mutes, seeds() / 2);
    EXPECT_GT(sum.slow, seeds() / 2);
    EXPECT_GT(sum.changes, seeds() / 4);
}

}  // namespace
}  // namespace penstock::cluster::testing
