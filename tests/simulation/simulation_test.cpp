// One node under one seed: random requests, random outcomes of pushes, and crashes at random points
// (in the middle of a turn, between turns, with and without what was written but not synced). The
// seed is printed with every failure; --seed N plays that one alone.
#include "tests/simulation/audit.h"
#include "tests/simulation/seed.h"
#include "tests/simulation/workload.h"
#include "tests/support/memory_disk.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <memory>

namespace penstock::simulation {
namespace {

constexpr int acts_per_seed = 1'500;
constexpr std::uint64_t seeds_by_default = 12;
constexpr std::uint64_t seeds_in_full = 300;

// What a round of seeds must have met to mean anything.
constexpr const char* everything[] = {"send",
                                      "send refused",
                                      "send unknown",
                                      "send once",
                                      "send once unknown",
                                      "publish",
                                      "publish unknown",
                                      "receive",
                                      "receive unknown",
                                      "received again",
                                      "delete",
                                      "delete unknown",
                                      "change visibility",
                                      "change visibility refused",
                                      "rewind",
                                      "clear",
                                      "redrive",
                                      "create",
                                      "create refused",
                                      "remove",
                                      "remove refused",
                                      "hand-out",
                                      "hand-out again",
                                      "settle accepted",
                                      "settle accepted unknown",
                                      "settle retry",
                                      "settle rejected",
                                      "settle not_attempted",
                                      "from plain",
                                      "from rewindable",
                                      "from strict",
                                      "from strict-dead",
                                      "from fed"};

class World {
  public:
    explicit World(std::uint64_t seed) : random_(seed) {
        start();
        workload_.set_up(*machine_);
        workload_.attach(*machine_);
    }

    // A node that goes answers what waits: whoever asked is still there.
    ~World() { machine_.reset(); }

    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void run(int acts) {
        for (int at = 0; at < acts; ++at) {
            workload_.act();
            if (random_.below(3) != 0) step();
            clock_.advance_us(static_cast<std::int64_t>(random_.below(80'000)));
            if (random_.below(60) == 0) crash();
        }
    }

    // What is left at the end, after one more crash.
    Referee::Complaints complaints() {
        crash();
        Referee::Complaints all = referee_.complaints();
        const auto left = disk_.crash_image(random_.next());
        for (auto& one : audit(*left, rows_, clock_.wall_ms(), referee_, workload_)) {
            all.push_back(std::move(one));
        }
        return all;
    }

    // Equal for equal seeds.
    [[nodiscard]] std::uint64_t digest() const {
        return workload_.trace() ^ machine_->state_hash();
    }

    [[nodiscard]] std::uint64_t crashes() const { return crashes_; }

    [[nodiscard]] std::uint64_t answers() const { return workload_.answers(); }

    [[nodiscard]] const std::map<std::string, std::uint64_t>& met() const {
        return workload_.met();
    }

    [[nodiscard]] std::uint64_t acknowledged() const { return referee_.acknowledged(); }

  private:
    void start() {
        machine_ = std::make_unique<Machine>(disk_, rows_, clock_, random_);
        const auto started = machine_->start();
        ASSERT_TRUE(started) << started.error().detail;
    }

    void step() {
        const auto stepped = machine_->step();
        ASSERT_TRUE(stepped) << stepped.error().detail;
    }

    // Half of the crashes come in the middle of a turn: the disk stops at one of its changes, or a
    // write or sync fails, which must end the process.
    void crash() {
        ++crashes_;
        if (random_.below(2) == 0) break_disk();
        workload_.died();
        machine_.reset();
        disk_.heal();
        disk_.crash(random_.next());
        clock_.advance_ms(static_cast<std::int64_t>(random_.below(4'000)));
        start();
        workload_.attach(*machine_);
    }

    void break_disk() {
        for (std::uint64_t acts = random_.below(8); acts > 0; --acts) workload_.act();
        const std::uint64_t kind = random_.below(4);
        if (kind == 0) {
            disk_.fail_syncs_from(1 + random_.below(2), Errc::io);
        } else if (kind == 1) {
            disk_.fail_writes_from(1 + random_.below(2), Errc::disk_full);
        } else {
            disk_.stop_after(random_.below(6));
        }
        for (int turn = 0; turn < 10; ++turn) {
            if (!machine_->step()) return;
            workload_.act();
        }
    }

    SeededRandom random_;
    testing::ManualClock clock_;
    testing::MemoryDisk disk_;
    RowImages rows_;
    Referee referee_;
    std::unique_ptr<Machine> machine_;
    Workload workload_{referee_, random_, clock_};
    std::uint64_t crashes_ = 0;
};

TEST(OneNode, KeepsEveryPromiseOverRandomCrashes) {
    std::uint64_t acknowledged = 0;
    std::uint64_t crashes = 0;
    std::map<std::string, std::uint64_t> met;
    for (const std::uint64_t seed :
         seeds_to_play(testing::is_full_size() ? seeds_in_full : seeds_by_default)) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ": play it alone with --seed " +
                     std::to_string(seed));
        World world(seed);
        world.run(acts_per_seed);
        ASSERT_EQ(world.complaints(), Referee::Complaints{});
        acknowledged += world.acknowledged();
        crashes += world.crashes();
        for (const auto& [what, times] : world.met()) met[what] += times;
    }
    std::cout << crashes << " crashes, " << acknowledged << " messages acknowledged\n";
    for (const auto& [what, times] : met) std::cout << "  " << what << ": " << times << "\n";
    EXPECT_GT(acknowledged, 200U);
    EXPECT_GT(crashes, 10U);
    if (seeds_to_play(2).size() == 1) return;
    for (const char* what : everything) EXPECT_GT(met[what], 0U) << what << " was never met";
}

TEST(OneNode, PlaysTheSameSeedToTheSameEnd) {
    for (const std::uint64_t seed : seeds_to_play(3)) {
        World first(seed);
        first.run(acts_per_seed);
        World second(seed);
        second.run(acts_per_seed);
        EXPECT_EQ(first.digest(), second.digest()) << "seed " << seed;
        EXPECT_EQ(first.answers(), second.answers()) << "seed " << seed;
    }
}

TEST(OneNode, PlaysAnotherSeedToAnotherEnd) {
    World first(1);
    first.run(100);
    World second(2);
    second.run(100);
    EXPECT_NE(first.digest(), second.digest());
}

}  // namespace
}  // namespace penstock::simulation
