// The power fails right before each sync of a mixed load. What that leaves is started, emptied and
// held against everything acknowledged so far. 400 cuts by default; PENSTOCK_TEST_SIZE=full takes
// 10,000.
#include "tests/simulation/audit.h"
#include "tests/simulation/watched_disk.h"
#include "tests/simulation/workload.h"
#include "tests/support/memory_disk.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <iostream>

namespace penstock::simulation {
namespace {

constexpr std::uint64_t cuts_by_default = 400;

std::uint64_t cuts_wanted() {
    return testing::is_full_size() ? 10'000 : cuts_by_default;
}

class PowerCuts {
  public:
    explicit PowerCuts(std::uint64_t seed) : random_(seed) {
        EXPECT_TRUE(machine_.start());
        workload_.set_up(machine_);
        workload_.attach(machine_);
    }

    // Loads the machine until `wanted` cuts were looked at or one of them lost something.
    void run(std::uint64_t wanted, bool lying_syncs) {
        memory_.plant_lying_syncs(lying_syncs);
        armed_ = true;
        while (cuts_ < wanted && complaints_.empty()) {
            for (std::uint64_t acts = 1 + random_.below(4); acts > 0; --acts) workload_.act();
            const auto stepped = machine_.step();
            ASSERT_TRUE(stepped) << stepped.error().detail;
            clock_.advance_us(static_cast<std::int64_t>(random_.below(60'000)));
        }
        armed_ = false;
    }

    [[nodiscard]] std::uint64_t cuts() const { return cuts_; }

    [[nodiscard]] const Referee::Complaints& complaints() const { return complaints_; }

    [[nodiscard]] const Referee& referee() const { return referee_; }

  private:
    void before_sync() {
        if (!armed_ || !complaints_.empty()) return;
        ++cuts_;
        const auto left = memory_.crash_image(random_.next());
        complaints_ = audit(*left, rows_, clock_.wall_ms(), referee_, workload_);
    }

    SeededRandom random_;
    testing::ManualClock clock_;
    testing::MemoryDisk memory_;
    WatchedDisk disk_{memory_, [this] {
                          before_sync();
                      }};
    RowImages rows_;
    Referee referee_;
    Machine machine_{disk_, rows_, clock_, random_};
    Workload workload_{referee_, random_, clock_};
    Referee::Complaints complaints_;
    std::uint64_t cuts_ = 0;
    bool armed_ = false;
};

TEST(PowerCut, AtEverySyncOfAMixedLoadLosesNothingAcknowledged400CutsOr10000InFull) {
    PowerCuts cuts(20261120);
    cuts.run(cuts_wanted(), false);
    std::cout << cuts.cuts() << " cuts, " << cuts.referee().acknowledged()
              << " messages acknowledged\n";
    EXPECT_EQ(cuts.complaints(), Referee::Complaints{});
    EXPECT_EQ(cuts.referee().complaints(), Referee::Complaints{});
    EXPECT_EQ(cuts.cuts(), cuts_wanted());
    EXPECT_GT(cuts.referee().acknowledged(), cuts.cuts() / 2);
}

// The test above is worth something: with the sync taken out it notices, and soon.
TEST(PowerCut, WithTheSyncPlantedAwayTheSameTestFails) {
    PowerCuts cuts(20261120);
    cuts.run(cuts_wanted(), true);
    EXPECT_FALSE(cuts.complaints().empty());
    EXPECT_LT(cuts.cuts(), cuts_by_default);
}

}  // namespace
}  // namespace penstock::simulation
