// What the end of a process means: crashes, suspects, crash loops, broken configuration.
#include "tests/sinks/worker/pool_fixture.h"

#include <cerrno>
#include <csignal>

namespace penstock::sinks::worker {
namespace {

using model::Failure;
using model::Verdict;
using Numbers = std::vector<std::uint64_t>;

TEST_F(PoolTest, ACrashWithOneMessageInHandIsCountedAsItsCrash) {
    deliver(1);
    step();
    host(1).output("stderr", "about to fall");
    launcher.crash(1);
    step();
    ASSERT_TRUE(told[1].done);
    EXPECT_EQ(told[1].result.verdict, Verdict::retry);
    EXPECT_EQ(told[1].result.failure, Failure::crash);
    EXPECT_EQ(told[1].result.excerpt,
              "events/score: message 1: /bin/worker fast was ended by signal 11 (Segmentation "
              "fault) while it handled the message: about to fall; a message is dead after 3 such "
              "ends");
    EXPECT_EQ(told[1].result.log, "about to fall\n");
    EXPECT_EQ(log_lines().size(), 2U) << "the line of stderr and one of the server";
}

TEST_F(PoolTest, AnExitWithAMessageInHandIsACrashToo) {
    deliver(1);
    step();
    launcher.exit(1, 0);
    step();
    EXPECT_EQ(told[1].result.verdict, Verdict::retry);
    EXPECT_EQ(told[1].result.failure, Failure::crash);
}

TEST_F(PoolTest, RunningOutOfMemoryIsSaidSo) {
    deliver(1);
    step();
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::signalled;
    end.code = SIGKILL;
    end.out_of_memory = true;
    launcher.end(1, end);
    step();
    EXPECT_EQ(told[1].result.failure, Failure::crash);
    EXPECT_NE(told[1].result.excerpt.find("it ran out of its memory limit"), std::string::npos);
}

TEST_F(PoolTest, AnswersLeftByADeadProcessStillCount) {
    target.spec.function.window = 2;
    deliver(1);
    deliver(2);
    step();
    talk(1).answers_at_end = {talk(1).offered[0]};
    launcher.crash(1);
    step();
    EXPECT_EQ(told[1].result.verdict, Verdict::accepted);
    EXPECT_EQ(told[2].result.verdict, Verdict::retry) << "it was the only one in hand";
    EXPECT_EQ(told[2].result.failure, Failure::crash);
}

TEST_F(PoolTest, AMessageTheProcessNeverSawIsHandedToTheNextOne) {
    contract.sees_at_once = false;
    deliver(1);
    step();
    launcher.crash(1);
    step();
    EXPECT_FALSE(told[1].done);
    step(200);
    EXPECT_EQ(held(2), Numbers{1});
}

TEST_F(PoolTest, SeveralInHandAreSuspectsAndComeBackOneAtATime) {
    target.spec.function.window = 4;
    for (std::uint64_t message = 1; message <= 3; ++message) deliver(message);
    step();
    launcher.crash(1);
    step();
    for (const std::uint64_t message : {1, 2, 3}) {
        EXPECT_EQ(told[message].result.verdict, Verdict::not_attempted);
        EXPECT_EQ(told[message].result.failure, Failure::crash);
        EXPECT_EQ(told[message].result.retry_after_ms, 500U);
    }
    for (const std::uint64_t message : {1, 2, 9}) deliver(message);
    step(200);
    EXPECT_EQ(held(2), Numbers{1}) << "alone, not even with the innocent 9";
    talk(2).answer(talk(2).offered[0]);
    step();
    EXPECT_EQ(held(2), (Numbers{1, 2}));
    launcher.crash(2);
    step();
    EXPECT_EQ(told[2].result.verdict, Verdict::retry);
    EXPECT_EQ(told[2].result.failure, Failure::crash);
    step(300);
    EXPECT_EQ(held(3), Numbers{9});
    EXPECT_FALSE(told[9].done);
}

TEST_F(PoolTest, ABusyProcessIsEmptiedForASuspect) {
    target.spec.function.window = 2;
    deliver(1);
    deliver(2);
    step();
    launcher.crash(1);
    step();
    deliver(8);
    step(200);
    ASSERT_EQ(held(2), Numbers{8});
    deliver(1);
    deliver(9);
    step();
    EXPECT_EQ(held(2), Numbers{8});
    talk(2).answer(talk(2).offered[0]);
    step();
    EXPECT_EQ(held(2), (Numbers{8, 1}));
    talk(2).answer(talk(2).offered[1]);
    step();
    EXPECT_EQ(held(2), (Numbers{8, 1, 9}));
}

TEST_F(PoolTest, AProcessThatIsEmptiedForASuspectServesOthersWhenTheSuspectGaveUp) {
    target.spec.function.window = 2;
    deliver(1);
    deliver(2);
    step();
    launcher.crash(1);
    step();
    deliver(8);
    step(200);
    host(2).extend(talk(2).offered[0], 60'000);
    deliver(1);
    step();
    step(1'000);
    EXPECT_EQ(told[1].result.failure, Failure::no_worker);
    deliver(9);
    step();
    EXPECT_EQ(held(2), (Numbers{8, 9}));
}

TEST_F(PoolTest, AProcessThatOwesALateAnswerIsReplacedForASuspect) {
    target.spec.function.window = 2;
    deliver(1);
    deliver(2);
    step();
    launcher.crash(1);
    step();
    deliver(8);
    deliver(9);
    step(200);
    ASSERT_EQ(held(2), (Numbers{8, 9}));
    clock.advance_ms(500);
    talk(2).answer(talk(2).offered[1]);
    step(500);
    ASSERT_EQ(told[8].result.failure, Failure::timeout);
    ASSERT_TRUE(launcher.signals.empty()) << "it goes on with others";
    deliver(1);
    deliver(10);
    wakes = 0;
    step();
    EXPECT_EQ(wakes, 1U) << "it looks again by itself";
    step();
    ASSERT_EQ(launcher.signals.size(), 1U) << "its late place will never be free";
    EXPECT_EQ(held(3), Numbers{1});
    talk(3).answer(talk(3).offered[0]);
    step();
    EXPECT_EQ(held(3), (Numbers{1, 10}));
}

TEST_F(PoolTest, ThePauseAfterCrashesDoublesFromATenthOfASecondToThirtySeconds) {
    surroundings.limits.fast_exits_max = 1'000;
    contract.sees_at_once = false;
    target.spec.timeout_ms = 300'000;
    deliver(1);
    step();
    std::int64_t nominal_ms = 100;
    for (Launcher::ProcessNo number = 1; number <= 12; ++number) {
        launcher.exit(number, 1);
        step();
        step(nominal_ms * 4 / 5 - 1);
        EXPECT_EQ(launcher.last, number) << "too early";
        step(nominal_ms * 2 / 5 + 2);
        EXPECT_EQ(launcher.last, number + 1) << "too late";
        nominal_ms = std::min<std::int64_t>(nominal_ms * 2, 30'000);
        deliver(100 + number);
    }
}

TEST_F(PoolTest, FiveFastExitsAreACrashLoopThatBurnsNoMessage) {
    contract.sees_at_once = false;
    target.spec.timeout_ms = 60'000;
    deliver(1);
    deliver(2);
    step();
    for (Launcher::ProcessNo number = 1; number <= 5; ++number) {
        EXPECT_FALSE(told[1].done);
        launcher.exit(number, 1);
        step();
        step(2'000);
    }
    for (const std::uint64_t message : {1, 2}) {
        EXPECT_EQ(told[message].result.verdict, Verdict::not_attempted);
        EXPECT_EQ(told[message].result.failure, Failure::configuration);
        EXPECT_EQ(
            told[message].result.disable,
            "events/score: crash loop: /bin/worker fast exited with status 1, the 5th such end "
            "in a row without an answer; mend it (penstock fn logs events/score shows what it "
            "wrote); then: penstock sub resume events/score");
    }
    EXPECT_EQ(log_lines().size(), 5U) << "one line an end";
    EXPECT_EQ(launcher.last, 5U);
}

TEST_F(PoolTest, WhatIsHandedOutBeforeTheDisablingIsKnownStartsNothing) {
    contract.wrong = "events/score: no program";
    deliver(1);
    step();
    EXPECT_EQ(told[1].result.disable, "events/score: no program");
    contract.wrong.clear();
    deliver(2);
    step(999);
    EXPECT_EQ(told[2].result.verdict, Verdict::not_attempted);
    EXPECT_EQ(told[2].result.failure, Failure::configuration);
    EXPECT_EQ(told[2].result.disable, "") << "it might undo what the user does";
    EXPECT_EQ(launcher.last, 0U);
    step(1);
    deliver(3);
    step();
    EXPECT_EQ(held(1), Numbers{3});
}

TEST_F(PoolTest, OnceTheDisablingIsKnownNothingIsRefusedAnyMore) {
    contract.wrong = "events/score: no program";
    deliver(1);
    step();
    contract.wrong.clear();
    pool().forget();
    deliver(2);
    step();
    EXPECT_EQ(held(1), Numbers{2});
}

TEST_F(PoolTest, MessagesThatAllCrashTheirProcessAreACrashLoopBeforeTheyAreDead) {
    for (std::uint64_t message = 1; message <= 5; ++message) {
        deliver(message);
        step();
        launcher.crash(message);
        step();
        step(2'000);
    }
    for (const std::uint64_t message : {1, 2, 3, 4}) {
        EXPECT_EQ(told[message].result.verdict, Verdict::retry);
    }
    EXPECT_EQ(told[5].result.failure, Failure::configuration);
    EXPECT_NE(told[5].result.disable, "");
}

TEST_F(PoolTest, OnePoisonousMessageIsNoCrashLoop) {
    for (Launcher::ProcessNo number = 1; number <= 10; ++number) {
        deliver(1);
        step();
        launcher.crash(number);
        step();
        EXPECT_EQ(told[1].result.failure, Failure::crash);
        EXPECT_EQ(told[1].result.disable, "");
        step(40'000);
    }
}

TEST_F(PoolTest, AnAnswerEndsTheCount) {
    for (Launcher::ProcessNo number = 1; number <= 8; ++number) {
        deliver(2 * number);
        step();
        talk(number).answer(talk(number).offered[0]);
        deliver(2 * number + 1);
        step();
        launcher.crash(number);
        step();
        EXPECT_EQ(told[2 * number + 1].result.failure, Failure::crash);
        step(200);
    }
}

TEST_F(PoolTest, AProgramThatIsMissingDisablesTheSubscriptionAtOnce) {
    deliver(1);
    deliver(2);
    step();
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::not_started;
    end.code = ENOENT;
    end.detail = "/bin/worker: no such file";
    launcher.end(1, end);
    step();
    for (const std::uint64_t message : {1, 2}) {
        EXPECT_EQ(told[message].result.verdict, Verdict::not_attempted);
        EXPECT_EQ(told[message].result.failure, Failure::configuration);
        EXPECT_EQ(told[message].result.disable,
                  "events/score: /bin/worker fast could not be started: /bin/worker: no such file; "
                  "check the path and that it may be executed; then: penstock sub resume "
                  "events/score");
    }
    EXPECT_EQ(log_lines().size(), 1U);
}

TEST_F(PoolTest, AFaultOfSeveralProcessesIsSaidOnce) {
    target.spec.function.processes = 2;
    deliver(1);
    deliver(2);
    step();
    ASSERT_EQ(launcher.last, 2U);
    for (const Launcher::ProcessNo number : {1, 2}) launcher.exit(number, 127);
    step();
    EXPECT_NE(told[1].result.disable, "");
    EXPECT_EQ(told[2].result.disable, "");
    EXPECT_EQ(told[2].result.failure, Failure::configuration);
    EXPECT_EQ(log_lines().size(), 1U);
}

TEST_F(PoolTest, ALackOfResourcesAtTheStartIsNoFaultOfTheConfiguration) {
    deliver(1);
    step();
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::not_started;
    end.code = EAGAIN;
    end.detail = "fork: resource temporarily unavailable";
    launcher.end(1, end);
    step();
    EXPECT_FALSE(told[1].done);
    step(200);
    EXPECT_EQ(held(2), Numbers{1});
}

TEST_F(PoolTest, ExitStatusesOfBrokenConfigurationDisableTheSubscription) {
    for (const int status : {78, 126, 127}) {
        const Launcher::ProcessNo number = launcher.last + 1;
        const auto message = static_cast<std::uint64_t>(status);
        deliver(message);
        step();
        launcher.exit(number, status);
        step();
        EXPECT_EQ(told[message].result.failure, Failure::configuration) << status;
        EXPECT_NE(told[message].result.disable.find("status " + std::to_string(status)),
                  std::string::npos);
        step(40'000);
    }
}

TEST_F(PoolTest, AnOrderThatCannotBeDisablesTheSubscription) {
    contract.wrong = "events/score: the path must be absolute";
    deliver(1);
    step();
    EXPECT_EQ(told[1].result.failure, Failure::configuration);
    EXPECT_EQ(told[1].result.disable, "events/score: the path must be absolute");
    EXPECT_EQ(launcher.last, 0U);
}

TEST_F(PoolTest, WithoutDescriptorsTheStartIsTriedAgain) {
    contract.no_files = "no pipe: Too many open files";
    deliver(1);
    step();
    EXPECT_FALSE(told[1].done);
    contract.no_files.clear();
    step(200);
    EXPECT_EQ(held(1), Numbers{1});
    EXPECT_EQ(log_lines().size(), 1U);
}

TEST_F(PoolTest, ALostSupervisorDefersWhatWasInHandUncounted) {
    deliver(1);
    deliver(2);
    step();
    launcher.is_available = false;
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::lost;
    launcher.end(1, end);
    step();
    for (const std::uint64_t message : {1, 2}) {
        EXPECT_EQ(told[message].result.verdict, Verdict::not_attempted);
        EXPECT_EQ(told[message].result.failure, Failure::no_worker);
        EXPECT_EQ(told[message].result.disable, "");
    }
    EXPECT_EQ(log_lines().back().text,
              "events/score: its process was lost: the supervisor of processes is being started "
              "again; it is tried again");
}

TEST_F(PoolTest, ALostProcessIsExplainedWhereTheReasonIsKnown) {
    deliver(1);
    step();
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::lost;
    end.detail = "the supervisor ended";
    launcher.end(1, end);
    step();
    EXPECT_EQ(log_lines().back().text,
              "events/score: its process was lost: the supervisor ended; it is tried again");
}

TEST_F(PoolTest, AProcessThatBreaksTheContractIsKilledAsACrash) {
    deliver(1);
    step();
    host(1).breach("a line of more than 4 MiB");
    EXPECT_EQ(launcher.killed, std::vector<Launcher::ProcessNo>{1});
    launcher.crash(1, SIGKILL);
    step();
    EXPECT_EQ(told[1].result.failure, Failure::crash);
    EXPECT_NE(told[1].result.excerpt.find("was killed: a line of more than 4 MiB"),
              std::string::npos);
}

TEST_F(PoolTest, AProcessThatIsNotReadyInTimeIsEndedAndCountsAsAFastExit) {
    contract.ready_at_once = false;
    target.spec.timeout_ms = 60'000;
    target.spec.function.startup_ms = 1'000;
    deliver(1);
    step();
    step(1'000);
    EXPECT_EQ(launcher.signals.size(), 1U);
    launcher.crash(1, SIGTERM);
    step();
    EXPECT_EQ(log_lines().back().text,
              "events/score: /bin/worker fast was not ready within 1 s and was ended without an "
              "answer; it is started again (1 of 5 such ends until the subscription is disabled)");
    EXPECT_FALSE(told[1].done);
}

TEST_F(PoolTest, AProcessThatIsNeverReadyIsACrashLoopHoweverLongItMayTake) {
    contract.ready_at_once = false;
    target.spec.timeout_ms = 300'000;
    ASSERT_EQ(target.spec.function.startup_ms, 10'000U) << "what users have";
    deliver(1);
    step();
    for (Launcher::ProcessNo number = 1; number <= 5; ++number) {
        EXPECT_FALSE(told[1].done);
        step(10'000);
        launcher.crash(number, SIGTERM);
        step();
        step(2'000);
    }
    EXPECT_EQ(told[1].result.failure, Failure::configuration);
    EXPECT_NE(told[1].result.disable, "");
}

TEST_F(PoolTest, InnocentsOfAnEndedProcessAreDeferredUncounted) {
    target.spec.function.window = 2;
    deliver(1);
    step();
    deliver(2);
    step(500);
    step(500);
    EXPECT_EQ(told[1].result.failure, Failure::timeout);
    launcher.crash(1, SIGTERM);
    step();
    EXPECT_EQ(told[2].result.verdict, Verdict::not_attempted);
    EXPECT_EQ(told[2].result.failure, Failure::no_worker);
}

TEST_F(PoolTest, AQuietEndOfAnIdleProcessIsNoFault) {
    deliver(1);
    step();
    talk(1).answer(talk(1).offered[0]);
    launcher.exit(1, 0);
    step();
    deliver(2);
    step();
    EXPECT_EQ(held(2), Numbers{2}) << "without a pause";
    EXPECT_EQ(pool().status().crashes, 0U);
}

TEST_F(PoolTest, TheLastProblemIsShownUntilAMessageIsAccepted) {
    std::string last_problem;
    const auto ask = [this, &last_problem]() {
        log_book.status(target.subscription, [&last_problem](api::FunctionStatus status) {
            last_problem = std::move(status.last_problem);
        });
        context.restart();
        context.run();
    };
    deliver(1);
    step();
    launcher.crash(1);
    step();
    ask();
    EXPECT_EQ(last_problem, told[1].result.excerpt);
    deliver(2);
    step(200);
    talk(2).answer(talk(2).offered[0]);
    ask();
    EXPECT_EQ(last_problem, "");
}

}  // namespace
}  // namespace penstock::sinks::worker
