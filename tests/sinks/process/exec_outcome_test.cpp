#include "sinks/process/exec_outcome.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace penstock::sinks::process {
namespace {

using model::Failure;
using model::Verdict;
using worker::ProcessEnd;

class ExecOutcomeTest : public ::testing::Test {
  protected:
    ExecOutcomeTest() {
        target.topic = "events";
        target.name = "resize";
        target.spec.timeout_ms = 1'500;
        target.spec.function.command = {"/opt/resize.sh", "-v"};
        delivery.message = model::MessageId(42);
    }

    AttemptResult exited(int status, const std::string& tail = {}) {
        ExecEnd run;
        run.end.code = status;
        run.tail = tail;
        return exec_outcome(target, delivery, run);
    }

    api::Target target;
    api::Delivery delivery;
};

TEST_F(ExecOutcomeTest, StatusZeroIsAccepted) {
    const AttemptResult result = exited(0, "chatty\n");
    EXPECT_EQ(result.verdict, Verdict::accepted);
    EXPECT_EQ(result.failure, Failure::none);
    EXPECT_EQ(result.excerpt, "");
}

TEST_F(ExecOutcomeTest, DataErrorsAreDeadAtOnce) {
    for (const int status : {65, 100}) {
        EXPECT_EQ(exited(status).verdict, Verdict::rejected) << status;
        EXPECT_EQ(exited(status).failure, Failure::handler) << status;
    }
}

TEST_F(ExecOutcomeTest, AnyOtherStatusIsRetried) {
    for (const int status : {1, 2, 69, 75, 77, 125, 128, 255}) {
        EXPECT_EQ(exited(status).verdict, Verdict::retry) << status;
        EXPECT_EQ(exited(status).failure, Failure::handler) << status;
        EXPECT_EQ(exited(status).disable, "") << status;
    }
}

TEST_F(ExecOutcomeTest, TheExcerptIsTheStatusAndTheLastLineOfStderr) {
    EXPECT_EQ(exited(3, "Traceback:\nKeyError: 'amount'\n\n").excerpt,
              "exited with status 3: KeyError: 'amount'");
    EXPECT_EQ(exited(3).excerpt, "exited with status 3");
}

TEST_F(ExecOutcomeTest, BrokenConfigurationDisablesAndCountsNothing) {
    for (const int status : {78, 126, 127}) {
        const AttemptResult result = exited(status);
        EXPECT_EQ(result.verdict, Verdict::not_attempted) << status;
        EXPECT_EQ(result.failure, Failure::configuration) << status;
        EXPECT_EQ(result.excerpt, result.disable) << status;
    }
    EXPECT_EQ(
        exited(127).disable,
        "events/resize: /opt/resize.sh -v exited with status 127: something it calls does not "
        "exist; mend that; then: penstock sub resume events/resize");
}

TEST_F(ExecOutcomeTest, ASignalIsACrash) {
    ExecEnd run;
    run.end.kind = ProcessEnd::Kind::signalled;
    run.end.code = 6;
    run.tail = "assertion failed\n";
    const AttemptResult result = exec_outcome(target, delivery, run);
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::crash);
    EXPECT_EQ(result.excerpt,
              "events/resize: message 42: /opt/resize.sh -v was ended by signal 6 (Aborted): "
              "assertion failed");
}

TEST_F(ExecOutcomeTest, RunningOutOfMemoryIsACrashWhateverTheStatus) {
    ExecEnd run;
    run.end.code = 1;
    run.end.out_of_memory = true;
    EXPECT_EQ(exec_outcome(target, delivery, run).failure, Failure::crash);
}

TEST_F(ExecOutcomeTest, APassedDeadlineIsATimeoutWhateverTheStatus) {
    for (const int status : {0, 65, 127}) {
        ExecEnd run;
        run.end.code = status;
        run.timed_out = true;
        const AttemptResult result = exec_outcome(target, delivery, run);
        EXPECT_EQ(result.verdict, Verdict::retry);
        EXPECT_EQ(result.failure, Failure::timeout);
        EXPECT_EQ(
            result.excerpt,
            "events/resize: message 42: not done within 1.5 s and ended; do less at a time or "
            "raise --timeout");
    }
}

TEST_F(ExecOutcomeTest, AProgramThatCannotBeStartedIsConfigurationUnlessItMayPass) {
    ExecEnd run;
    run.end.kind = ProcessEnd::Kind::not_started;
    for (const int failed : {ENOENT, EACCES, ENOEXEC, ENOTDIR}) {
        run.end.code = failed;
        EXPECT_EQ(exec_outcome(target, delivery, run).failure, Failure::configuration) << failed;
    }
    for (const int failed : {EAGAIN, ENOMEM, EMFILE}) {
        run.end.code = failed;
        EXPECT_EQ(exec_outcome(target, delivery, run).failure, Failure::no_worker) << failed;
        EXPECT_EQ(exec_outcome(target, delivery, run).disable, "") << failed;
    }
}

TEST_F(ExecOutcomeTest, ALostSupervisorIsADeferral) {
    ExecEnd run;
    run.end.kind = ProcessEnd::Kind::lost;
    run.timed_out = true;
    const AttemptResult result = exec_outcome(target, delivery, run);
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::no_worker);
    EXPECT_EQ(result.retry_after_ms, 500U);
}

}  // namespace
}  // namespace penstock::sinks::process
