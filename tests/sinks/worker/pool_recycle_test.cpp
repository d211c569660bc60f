// When a Pool replaces processes that did nothing wrong, and how.
#include "tests/sinks/worker/pool_fixture.h"

#include <csignal>
#include <cstdint>
#include <utility>
#include <vector>

namespace penstock::sinks::worker {
namespace {

using Numbers = std::vector<std::uint64_t>;
using Signals = std::vector<std::pair<Launcher::ProcessNo, int>>;

class PoolRecycle : public PoolTest {
  protected:
    void handle(std::uint64_t message, std::size_t nth) {
        deliver(message);
        step();
        talk(nth).answer(talk(nth).offered.back());
        step();
    }
};

TEST_F(PoolRecycle, AProcessIsReplacedAfterSoManyMessages) {
    target.spec.function.recycle_after = 2;
    handle(1, 1);
    EXPECT_TRUE(launcher.signals.empty());
    handle(2, 1);
    EXPECT_TRUE(talk(1).input_ended);
    EXPECT_EQ(launcher.signals, (Signals{{1, SIGTERM}}));
    handle(3, 2);
    launcher.crash(1, SIGTERM);
    step();
    EXPECT_TRUE(log_lines().empty()) << "an end we asked for is no fault";
}

TEST_F(PoolRecycle, AProcessIsReplacedAtItsAgeEvenIfItHasNothingToDo) {
    target.spec.function.recycle_age_ms = 60'000;
    handle(1, 1);
    step(59'999);
    EXPECT_TRUE(launcher.signals.empty());
    step(1);
    EXPECT_TRUE(talk(1).input_ended);
    EXPECT_EQ(launcher.signals, (Signals{{1, SIGTERM}}));
    EXPECT_EQ(launcher.last, 1U) << "nothing waits: none is started";
    handle(2, 2);
    EXPECT_EQ(held(2), Numbers{2});
    launcher.exit(1, 0);
    step();
    EXPECT_TRUE(log_lines().empty());
}

TEST_F(PoolRecycle, ThePoolAsksToBeWokenAtTheAge) {
    target.spec.function.recycle_age_ms = 5'000;
    handle(1, 1);
    const std::int64_t started_us = clock.steady_us();
    while (launcher.signals.empty()) {
        ASSERT_TRUE(pool().wake_us().has_value());
        step((*pool().wake_us() - clock.steady_us()) / 1000);
    }
    EXPECT_EQ(clock.steady_us() - started_us, 5'000'000);
}

TEST_F(PoolRecycle, AnOldProcessAnswersWhatItHoldsWhileANewOneTakesTheRest) {
    target.spec.function.recycle_age_ms = 1'500;
    target.spec.function.window = 2;
    handle(1, 1);
    step(1'000);
    deliver(2);
    step();
    step(500);
    EXPECT_TRUE(launcher.signals.empty());
    deliver(3);
    step();
    EXPECT_EQ(held(1), (Numbers{1, 2}));
    EXPECT_EQ(held(2), Numbers{3});
    talk(1).answer(talk(1).offered.back());
    step();
    EXPECT_TRUE(told[2].done);
    EXPECT_EQ(told[2].result.verdict, model::Verdict::accepted);
    EXPECT_EQ(launcher.signals, (Signals{{1, SIGTERM}}));
}

TEST_F(PoolRecycle, TheAgeCountsFromTheMomentItIsReady) {
    target.spec.function.recycle_age_ms = 1'000;
    contract.ready_at_once = false;
    target.spec.timeout_ms = 10'000;
    deliver(1);
    step();
    step(5'000);
    host(1).ready();
    step();
    EXPECT_EQ(held(1), Numbers{1});
    talk(1).answer(talk(1).offered.back());
    step(999);
    EXPECT_TRUE(launcher.signals.empty());
    step(1);
    EXPECT_EQ(launcher.signals, (Signals{{1, SIGTERM}}));
}

TEST_F(PoolRecycle, AProcessThatHasGrownIsReplacedAndTheLogSaysSo) {
    target.spec.function.recycle_memory_mib = 100;
    handle(1, 1);
    EXPECT_TRUE(launcher.weighings.empty());
    step(1'000);
    ASSERT_EQ(launcher.weighings.count(1), 1U);
    launcher.tell_weight(1, (100ULL << 20) - 1);
    step();
    EXPECT_TRUE(launcher.signals.empty());
    handle(2, 1);
    step(1'000);
    launcher.tell_weight(1, 100ULL << 20);
    step();
    EXPECT_EQ(launcher.signals, (Signals{{1, SIGTERM}}));
    handle(3, 2);
    const auto lines = log_lines();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].level, "server");
    EXPECT_EQ(lines[0].text,
              "events/score: /bin/worker fast holds 100 MiB of memory and is replaced "
              "(--recycle-memory 100MiB)");
}

TEST_F(PoolRecycle, AGrownProcessAnswersWhatItHoldsFirst) {
    target.spec.function.recycle_memory_mib = 100;
    target.spec.timeout_ms = 10'000;
    deliver(1);
    step();
    step(1'000);
    launcher.tell_weight(1, 200ULL << 20);
    step();
    EXPECT_TRUE(launcher.signals.empty());
    talk(1).answer(talk(1).offered.back());
    step();
    EXPECT_EQ(told[1].result.verdict, model::Verdict::accepted);
    EXPECT_EQ(launcher.signals, (Signals{{1, SIGTERM}}));
}

TEST_F(PoolRecycle, AProcessThatIsGivenNothingIsNotWeighedAgain) {
    target.spec.function.recycle_memory_mib = 100;
    handle(1, 1);
    step(1'000);
    launcher.tell_weight(1, 1);
    step(60'000);
    EXPECT_TRUE(launcher.weighings.empty());
    handle(2, 1);
    step(999);
    EXPECT_TRUE(launcher.weighings.empty());
    step(1);
    EXPECT_EQ(launcher.weighings.count(1), 1U);
}

TEST_F(PoolRecycle, WithoutALimitNobodyIsWeighed) {
    handle(1, 1);
    step(3'600'000);
    EXPECT_TRUE(launcher.weighings.empty());
    EXPECT_TRUE(launcher.signals.empty());
}

}  // namespace
}  // namespace penstock::sinks::worker
