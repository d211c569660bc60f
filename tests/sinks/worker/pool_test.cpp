// Starting, handing out, deadlines, recycling and change of a pool's processes.
#include "tests/sinks/worker/pool_fixture.h"

#include <csignal>

namespace penstock::sinks::worker {
namespace {

using model::Failure;
using model::Verdict;
using Numbers = std::vector<std::uint64_t>;

TEST_F(PoolTest, NoProcessRunsBeforeThereIsAMessage) {
    step();
    EXPECT_EQ(launcher.last, 0U);
    deliver(1);
    step();
    EXPECT_EQ(launcher.last, 1U);
    EXPECT_EQ(launcher.orders[0].command, target.spec.function.command);
    EXPECT_EQ(held(1), Numbers{1});
}

TEST_F(PoolTest, AnAnswerFinishesItsMessage) {
    deliver(1);
    step();
    talk(1).answer(talk(1).offered[0]);
    EXPECT_TRUE(told[1].done);
    EXPECT_EQ(told[1].result.verdict, Verdict::accepted);
    EXPECT_EQ(pool().status().processes[0].handled, 1U);
}

TEST_F(PoolTest, AProcessHoldsNoMoreThanItsWindow) {
    target.spec.function.window = 2;
    for (std::uint64_t message = 1; message <= 3; ++message) deliver(message);
    step();
    EXPECT_EQ(held(1), (Numbers{1, 2}));
    talk(1).answer(talk(1).offered[1]);
    step();
    EXPECT_EQ(held(1), (Numbers{1, 2, 3}));
    EXPECT_EQ(launcher.last, 1U);
}

TEST_F(PoolTest, AsManyProcessesStartAsThereIsWorkForAndNoMoreThanAllowed) {
    target.spec.function.processes = 2;
    deliver(1);
    step();
    EXPECT_EQ(launcher.last, 1U);
    deliver(2);
    deliver(3);
    step();
    EXPECT_EQ(launcher.last, 2U);
    EXPECT_EQ(held(2), Numbers{2});
    EXPECT_FALSE(told[3].done);
}

TEST_F(PoolTest, MessagesSpreadOverTheLeastBusy) {
    target.spec.function.processes = 2;
    target.spec.function.window = 4;
    for (std::uint64_t message = 1; message <= 6; ++message) deliver(message);
    step();
    EXPECT_EQ(held(1), (Numbers{1, 3, 5}));
    EXPECT_EQ(held(2), (Numbers{2, 4, 6}));
}

TEST_F(PoolTest, AProcessThatMustSayReadyGetsNothingBefore) {
    contract.ready_at_once = false;
    deliver(1);
    step();
    EXPECT_EQ(held(1), Numbers{});
    host(1).ready();
    step();
    EXPECT_EQ(held(1), Numbers{1});
}

TEST_F(PoolTest, AFullPipeHoldsMessagesBackUntilThereIsRoom) {
    target.spec.function.window = 8;
    deliver(1);
    step();
    talk(1).room = false;
    deliver(2);
    step();
    EXPECT_EQ(held(1), Numbers{1});
    talk(1).room = true;
    host(1).room();
    step();
    EXPECT_EQ(held(1), (Numbers{1, 2}));
}

TEST_F(PoolTest, AMessageOutOfTimeIsRetriedAndItsProcessEnds) {
    deliver(1);
    step();
    host(1).output("stderr", "still thinking");
    step(999);
    EXPECT_FALSE(told[1].done);
    step(1);
    ASSERT_TRUE(told[1].done);
    EXPECT_EQ(told[1].result.verdict, Verdict::retry);
    EXPECT_EQ(told[1].result.failure, Failure::timeout);
    EXPECT_EQ(told[1].result.log, "still thinking\n");
    EXPECT_EQ(told[1].result.excerpt,
              "events/score: message 1: no answer within 1 s; its process is ended; answer sooner, "
              "ask for more with an \"extend\" line, or raise --timeout");
    EXPECT_EQ(talk(1).cancelled, talk(1).offered);
    EXPECT_EQ(launcher.signals, (std::vector<std::pair<Launcher::ProcessNo, int>>{{1, SIGTERM}}));
    EXPECT_TRUE(launcher.killed.empty());
    step(4'999);
    EXPECT_TRUE(launcher.killed.empty());
    step(1);
    EXPECT_EQ(launcher.killed, std::vector<Launcher::ProcessNo>{1});
}

TEST_F(PoolTest, AStuckProcessIsReplacedWhileItEndsAndNeverMoreThanTwiceTheNumberExists) {
    for (std::uint64_t message = 1; message <= 3; ++message) deliver(message);
    step();
    step(1'000);
    EXPECT_EQ(launcher.last, 1U) << "messages 2 and 3 have waited as long and are deferred";
    EXPECT_EQ(told[2].result.failure, Failure::no_worker);
    deliver(4);
    step();
    EXPECT_EQ(held(2), Numbers{4});
    step(1'000);
    deliver(5);
    step();
    EXPECT_EQ(launcher.last, 2U);
    launcher.crash(1, SIGTERM);
    step();
    EXPECT_EQ(held(3), Numbers{5});
}

TEST_F(PoolTest, ExtendMovesTheDeadline) {
    deliver(1);
    step(500);
    host(1).extend(talk(1).offered[0], 2'000);
    step(1'999);
    EXPECT_FALSE(told[1].done);
    step(1);
    EXPECT_EQ(told[1].result.failure, Failure::timeout);
}

TEST_F(PoolTest, AProcessThatAnswersOthersOutlivesOneLateMessage) {
    target.spec.function.window = 2;
    deliver(1);
    step();
    deliver(2);
    step(500);
    talk(1).answer(talk(1).offered[1]);
    step(500);
    EXPECT_EQ(told[1].result.failure, Failure::timeout);
    EXPECT_TRUE(launcher.signals.empty());
    // Its place stays lost until it answers after all, and that answer counts for nothing.
    deliver(3);
    deliver(4);
    step();
    EXPECT_EQ(held(1), (Numbers{1, 2, 3}));
    talk(1).answer(talk(1).offered[0]);
    step();
    EXPECT_EQ(held(1), (Numbers{1, 2, 3, 4}));
    EXPECT_EQ(told[1].result.failure, Failure::timeout);
}

TEST_F(PoolTest, AProcessWhoseEveryPlaceIsLateEnds) {
    target.spec.function.window = 2;
    deliver(1);
    deliver(2);
    step();
    step(1'000);
    EXPECT_EQ(told[1].result.failure, Failure::timeout);
    EXPECT_EQ(told[2].result.failure, Failure::timeout);
    EXPECT_EQ(launcher.signals.size(), 1U);
}

TEST_F(PoolTest, AMessageThatFindsNoFreeProcessIsDeferredUncounted) {
    deliver(1);
    step();
    host(1).extend(talk(1).offered[0], 60'000);
    deliver(2);
    step(1'000);
    ASSERT_TRUE(told[2].done);
    EXPECT_EQ(told[2].result.verdict, Verdict::not_attempted);
    EXPECT_EQ(told[2].result.failure, Failure::no_worker);
    EXPECT_EQ(told[2].result.retry_after_ms, 500U);
    EXPECT_FALSE(told[1].done);
}

TEST_F(PoolTest, DoubleAndUnknownAnswersAreIgnoredAndLoggedOnce) {
    deliver(1);
    step();
    talk(1).answer(talk(1).offered[0]);
    talk(1).answer(talk(1).offered[0]);
    talk(1).answer(999);
    const auto lines = log_lines();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(
        lines[0].text,
        "events/score: an answer to a message that is not in hand was ignored: answer each id "
        "once");
}

TEST_F(PoolTest, ALateAnswerIsIgnoredAndLogged) {
    deliver(1);
    step();
    step(1'000);
    talk(1).answer(talk(1).offered[0]);
    EXPECT_EQ(told[1].result.failure, Failure::timeout);
    EXPECT_EQ(log_lines().back().text,
              "events/score: an answer came after its time and was ignored");
}

TEST_F(PoolTest, AChangedProgramTakesOverOnceItIsReady) {
    contract.ready_at_once = false;
    target.spec.function.window = 4;
    deliver(1);
    step();
    host(1).ready();
    step();
    pool().forget();
    target.spec.function.command = {"/bin/worker", "better"};
    deliver(2);
    step();
    EXPECT_EQ(held(1), (Numbers{1, 2})) << "the old one serves while the new one starts";
    ASSERT_EQ(launcher.last, 2U);
    EXPECT_EQ(launcher.orders[1].command.back(), "better");
    host(2).ready();
    deliver(3);
    step();
    EXPECT_EQ(held(2), Numbers{3});
    EXPECT_TRUE(launcher.signals.empty()) << "the old one still holds messages";
    talk(1).answer(talk(1).offered[0]);
    talk(1).answer(talk(1).offered[1]);
    step();
    EXPECT_EQ(launcher.signals, (std::vector<std::pair<Launcher::ProcessNo, int>>{{1, SIGTERM}}));
    EXPECT_FALSE(talk(2).input_ended);
}

TEST_F(PoolTest, AForgottenPoolEndsItsProcessesAndIsOver) {
    deliver(1);
    step();
    talk(1).answer(talk(1).offered[0]);
    pool().forget();
    step(999);
    EXPECT_TRUE(launcher.signals.empty());
    step(1);
    EXPECT_EQ(launcher.signals.size(), 1U);
    EXPECT_FALSE(pool().over());
    launcher.exit(1, 0);
    step();
    EXPECT_TRUE(pool().over());
}

TEST_F(PoolTest, StoppingGivesEverythingBackUncounted) {
    deliver(1);
    deliver(2);
    step();
    pool().stop();
    for (const std::uint64_t message : {1, 2}) {
        EXPECT_TRUE(told[message].done);
        EXPECT_EQ(told[message].result.verdict, Verdict::not_attempted);
        EXPECT_EQ(told[message].result.failure, Failure::none);
    }
    EXPECT_EQ(pool().wake_us(), std::nullopt);
}

TEST_F(PoolTest, TooManyWaitingMessagesAreTurnedAway) {
    surroundings.limits.waiting_max = 2;
    for (std::uint64_t message = 1; message <= 3; ++message) deliver(message);
    EXPECT_EQ(told[3].result.failure, Failure::exhausted_resources);
    EXPECT_EQ(told[3].result.verdict, Verdict::not_attempted);
}

TEST_F(PoolTest, TheStatusShowsWhatTheProcessesDo) {
    target.spec.function.processes = 2;
    deliver(1);
    step();
    const api::FunctionStatus status = pool().status();
    ASSERT_EQ(status.processes.size(), 1U);
    EXPECT_EQ(status.processes[0].number, 1U);
    EXPECT_EQ(status.processes[0].state, "busy");
    EXPECT_EQ(status.processes[0].in_flight, 1U);
    EXPECT_EQ(status.processes[0].started_ms, 1'700'000'000'000);
    EXPECT_EQ(status.starts, 1U);
}

TEST_F(PoolTest, AFailedAnswerCarriesTheEndOfItsOutput) {
    deliver(1);
    step();
    host(1).output("stderr", "reading");
    talk(1).late_output = {"no amount"};
    AttemptResult failed;
    failed.verdict = Verdict::retry;
    failed.failure = Failure::handler;
    failed.excerpt = "KeyError: amount";
    talk(1).answer(talk(1).offered[0], failed);
    EXPECT_EQ(told[1].result.log, "reading\nno amount\n");
    EXPECT_EQ(told[1].result.excerpt, "KeyError: amount");
    const auto lines = log_lines();
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0].level, "stderr");
    EXPECT_EQ(lines[0].message, "1");
    EXPECT_EQ(lines[2].level, "server");
    EXPECT_EQ(lines[2].text, "events/score: message 1: KeyError: amount");
}

TEST_F(PoolTest, WithManyMessagesAndADeadlineEachThePoolIsNotAskedToWakeForEach) {
    target.spec.function.window = 64;
    deliver(1);
    step();
    const auto first = pool().wake_us();
    ASSERT_TRUE(first.has_value());
    for (std::uint64_t message = 2; message <= 50; ++message) {
        deliver(message);
        step(1);
        talk(1).answer(talk(1).offered.back());
    }
    EXPECT_EQ(pool().wake_us(), first);
}

}  // namespace
}  // namespace penstock::sinks::worker
