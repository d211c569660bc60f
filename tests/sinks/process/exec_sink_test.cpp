// exec with real processes: what they are given, what their ends mean, what they cannot do to us.
#include "sinks/process/exec_sink.h"

#include "tests/sinks/process/process_fixture.h"

#include <optional>
#include <utility>

namespace penstock::sinks::process {
namespace {

using model::Failure;
using model::Verdict;

class ExecSinkTest : public ProcessTest {
  protected:
    ExecSinkTest() { sink = std::make_unique<ExecSink>(workshop, options); }

    void shell(const std::string& text) { use(model::SinkKind::exec, {"/bin/sh", "-c", text}); }

    std::string read(const std::string& name) {
        std::ifstream in(folder.file(name));
        return {std::istreambuf_iterator<char>(in), {}};
    }

    api::FunctionStatus status() {
        std::optional<api::FunctionStatus> told_status;
        log_book.status(target.subscription,
                        [&](api::FunctionStatus now) { told_status = std::move(now); });
        EXPECT_TRUE(until([&]() { return told_status.has_value(); }));
        return told_status ? std::move(*told_status) : api::FunctionStatus{};
    }
};

TEST_F(ExecSinkTest, TheBodyIsStandardInputAndStatusZeroAccepts) {
    shell("cat > " + folder.file("got"));
    const std::string body = std::string("one\0two\n", 8) + std::string(1 << 20, 'x');
    deliver(1, body);
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
    EXPECT_EQ(read("got"), body);
}

TEST_F(ExecSinkTest, TheEnvironmentDescribesTheMessageAndNothingElseOfTheServer) {
    ::setenv("PENSTOCK_TEST_SECRET", "hidden", 1);
    meta.tags = {"paid", "eu"};
    meta.routing_key = "orders.new";
    meta.content_type = "text/plain";
    meta.attributes = {{"Trace-Id", "t1"}, {"trace.id", "t2"}, {"nul", std::string("a\0b", 3)}};
    shell("env | grep ^PENSTOCK_ | sort > " + folder.file("got"));
    deliver(12);
    EXPECT_EQ(result_of(12).verdict, Verdict::accepted);
    const std::string got = read("got");
    for (const char* line : {"PENSTOCK_TOPIC=events\n",
                             "PENSTOCK_SUBSCRIPTION=score\n",
                             "PENSTOCK_MESSAGE_ID=12\n",
                             "PENSTOCK_TAGS=paid,eu\n",
                             "PENSTOCK_ROUTING_KEY=orders.new\n",
                             "PENSTOCK_ATTEMPT=1\n",
                             "PENSTOCK_PUBLISH_TIME=2023-11-14T22:13:20.123Z\n",
                             "PENSTOCK_CONTENT_TYPE=text/plain\n",
                             "PENSTOCK_HEADER_TRACE_ID=t1\n",
                             "PENSTOCK_HEADER_NUL=a b\n"}) {
        EXPECT_NE(got.find(line), std::string::npos) << line << "is not in\n" << got;
    }
    EXPECT_EQ(got.find("hidden"), std::string::npos);
    EXPECT_NE(got.find("PENSTOCK_DEADLINE_MS="), std::string::npos);
}

TEST_F(ExecSinkTest, TheEnvironmentStaysBelowItsLimit) {
    for (int at = 0; at < 100; ++at) {
        meta.attributes.emplace_back("h" + std::to_string(at), std::string(8'000, 'v'));
    }
    shell("test $(env | wc -c) -lt 70000 && test -n \"$PENSTOCK_HEADER_H0\"");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
}

TEST_F(ExecSinkTest, TheEnvelopeIsTheEventAsJson) {
    target.spec.function.envelope = true;
    shell("cat > " + folder.file("got"));
    deliver(5, "{\"a\":1}");
    EXPECT_EQ(result_of(5).verdict, Verdict::accepted);
    const auto event = worker::decode_event(read("got"));
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->id, "5");
    EXPECT_EQ(event->topic, "events");
    EXPECT_EQ(event->body, "{\"a\":1}");
}

TEST_F(ExecSinkTest, AFailureCarriesItsStderrAndOneLineInTheLog) {
    shell("echo step one >&2; echo 'no amount' >&2; exit 3");
    deliver(9);
    const AttemptResult& result = result_of(9);
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::handler);
    EXPECT_EQ(result.excerpt, "exited with status 3: no amount");
    EXPECT_EQ(result.log, "step one\nno amount\n");
    EXPECT_EQ(lines_of("stderr"), (std::vector<std::string>{"step one", "no amount"}));
    EXPECT_EQ(lines_of("server"),
              std::vector<std::string>{"events/score: message 9: exited with status 3: no amount"});
}

TEST_F(ExecSinkTest, WhatItPrintsIsShownAtDebugLevel) {
    shell("echo thumbnail made");
    deliver(1);
    result_of(1);
    EXPECT_EQ(lines_of("debug"), std::vector<std::string>{"thumbnail made"});
}

TEST_F(ExecSinkTest, AProgramThatReadsNothingIsNoneTheWorse) {
    use(model::SinkKind::exec, {"/bin/true"});
    for (std::uint64_t id = 1; id <= 20; ++id) deliver(id, std::string(1 << 20, 'x'));
    for (std::uint64_t id = 1; id <= 20; ++id) EXPECT_EQ(result_of(id).verdict, Verdict::accepted);
}

TEST_F(ExecSinkTest, AMissingProgramDisablesTheSubscriptionWithOneClearLine) {
    use(model::SinkKind::exec, {"/no/such/program"});
    deliver(1);
    const AttemptResult& result = result_of(1);
    EXPECT_EQ(result.failure, Failure::configuration);
    EXPECT_EQ(result.disable,
              "events/score: /no/such/program could not be started: /no/such/program: No such file "
              "or directory; check the path and that it may be executed; then: penstock sub resume "
              "events/score");
    EXPECT_EQ(lines_of("server"), std::vector<std::string>{result.disable});
}

TEST_F(ExecSinkTest, AFaultOfManyRunsIsSaidOnceAndStartsNothingMore) {
    use(model::SinkKind::exec, {"/no/such/program"});
    for (std::uint64_t id = 1; id <= 4; ++id) deliver(id);
    unsigned disabled = 0;
    for (std::uint64_t id = 1; id <= 4; ++id) {
        EXPECT_EQ(result_of(id).failure, Failure::configuration);
        disabled += result_of(id).disable.empty() ? 0 : 1;
    }
    EXPECT_EQ(disabled, 1U);
    EXPECT_EQ(lines_of("server").size(), 1U);
    deliver(5);
    EXPECT_TRUE(told_of(5)) << "refused at once";
    EXPECT_EQ(result_of(5).failure, Failure::configuration);
    EXPECT_EQ(result_of(5).disable, "");
}

TEST_F(ExecSinkTest, OnceTheDisablingIsKnownNothingIsRefusedAnyMore) {
    use(model::SinkKind::exec, {"/no/such/program"});
    deliver(1);
    EXPECT_NE(result_of(1).disable, "");
    sink->forget(target);
    shell("true");
    deliver(2);
    EXPECT_EQ(result_of(2).verdict, Verdict::accepted) << result_of(2).excerpt;
}

TEST_F(ExecSinkTest, TheAbsenceOfTheSupervisorIsSaidOnceUntilAMessageIsAccepted) {
    shell("true");
    const auto both = [this](std::uint64_t first) {
        launcher->is_available = false;
        deliver(first);
        deliver(first + 1);
        EXPECT_EQ(result_of(first + 1).failure, Failure::no_worker);
        launcher->is_available = true;
    };
    both(1);
    both(3);
    const std::string line =
        "events/score: the supervisor of processes is being started again; messages wait for it";
    EXPECT_EQ(lines_of("server"), std::vector<std::string>{line});
    deliver(5);
    EXPECT_EQ(result_of(5).verdict, Verdict::accepted);
    both(6);
    EXPECT_EQ(lines_of("server"), (std::vector<std::string>{line, line}));
}

TEST_F(ExecSinkTest, AForgottenSubscriptionIsKnownUntilItsLastRunEnds) {
    shell("sleep 0.3");
    deliver(1);
    deliver(2);
    EXPECT_EQ(status().starts, 2U);
    sink->forget(target);
    EXPECT_EQ(status().processes.size(), 2U);
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
    EXPECT_EQ(result_of(2).verdict, Verdict::accepted);
    EXPECT_EQ(status().starts, 0U);
}

TEST_F(ExecSinkTest, ASubscriptionThatComesBackChangedIsNotForgotten) {
    shell("sleep 0.3");
    deliver(1);
    sink->forget(target);
    deliver(2);
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
    EXPECT_EQ(result_of(2).verdict, Verdict::accepted);
    EXPECT_EQ(status().starts, 2U);
}

TEST_F(ExecSinkTest, AFileThatIsNotExecutableDisablesTheSubscription) {
    const std::string path = script("plain", "#!/bin/sh\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    use(model::SinkKind::exec, {path});
    deliver(1);
    EXPECT_EQ(result_of(1).failure, Failure::configuration);
}

TEST_F(ExecSinkTest, ARelativeProgramDisablesTheSubscription) {
    use(model::SinkKind::exec, {"resize.sh"});
    deliver(1);
    EXPECT_EQ(result_of(1).disable,
              "events/score: the program \"resize.sh\" must be given by its absolute path; then: "
              "penstock sub resume events/score");
}

TEST_F(ExecSinkTest, ASignalIsACrash) {
    shell("kill -SEGV $$");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::retry);
    EXPECT_EQ(result_of(1).failure, Failure::crash);
}

TEST_F(ExecSinkTest, FiveMessagesInARowThatCrashAreACrashLoop) {
    shell("kill -SEGV $$");
    for (std::uint64_t id = 1; id <= 5; ++id) {
        deliver(id);
        const AttemptResult& result = result_of(id);
        EXPECT_EQ(result.failure, id < 5 ? Failure::crash : Failure::configuration) << id;
        EXPECT_EQ(result.disable.empty(), id < 5) << id;
    }
}

TEST_F(ExecSinkTest, OneMessageThatCrashesAgainAndAgainIsNoCrashLoop) {
    shell("kill -SEGV $$");
    for (int attempt = 1; attempt <= 7; ++attempt) {
        told.clear();
        deliver(1);
        EXPECT_EQ(result_of(1).failure, Failure::crash);
    }
}

TEST_F(ExecSinkTest, ADeadlineEndsTheProcessAndWhatItStarted) {
    target.spec.timeout_ms = 200;
    shell("echo begun >&2; sleep 60 & wait");
    deliver(1);
    const AttemptResult& result = result_of(1);
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::timeout);
    EXPECT_EQ(result.log, "begun\n");
    EXPECT_EQ(launcher->kills, 0U) << "SIGTERM was enough";
}

TEST_F(ExecSinkTest, AProcessThatIgnoresSigtermIsKilledAfterItsGrace) {
    target.spec.timeout_ms = 100;
    shell("trap '' TERM; sleep 60; sleep 60");
    deliver(1);
    const std::int64_t begin_us = clock.steady_us();
    EXPECT_EQ(result_of(1).failure, Failure::timeout);
    EXPECT_GE(clock.steady_us() - begin_us, 5'000'000);
    EXPECT_EQ(launcher->kills, 1U);
}

TEST_F(ExecSinkTest, FloodsAreBoundedAndEndWithTheDeadline) {
    target.spec.timeout_ms = 500;
    shell("yes >&2 & yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    deliver(1);
    const std::int64_t cpu_before = std::clock();
    const AttemptResult& result = result_of(1);
    const double cpu_s = static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC;
    EXPECT_EQ(result.failure, Failure::timeout);
    EXPECT_LE(result.log.size(), 2'048U);
    EXPECT_LT(cpu_s, 0.25) << "half a second of flood";
}

TEST_F(ExecSinkTest, StoppingGivesBackWhatRuns) {
    shell("sleep 60");
    deliver(1);
    sink->stop();
    EXPECT_EQ(result_of(1).verdict, Verdict::not_attempted);
    EXPECT_EQ(result_of(1).failure, Failure::none);
}

TEST_F(ExecSinkTest, TheExampleAppendsALineAndRefusesWhatIsEmpty) {
    use(model::SinkKind::exec,
        {std::string(PENSTOCK_SOURCE_DIR) + "/examples/workers/append.sh", folder.file("got")});
    meta.tags = {"paid"};
    deliver(1, "one");
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
    deliver(2, "");
    EXPECT_EQ(result_of(2).verdict, Verdict::rejected);
    EXPECT_EQ(result_of(2).excerpt, "exited with status 65: message 2 is empty");
    EXPECT_EQ(read("got"), "1 paid one\n");
}

TEST_F(ExecSinkTest, NoMoreProcessesRunThanAllowed) {
    shell("sleep 60");
    for (std::uint64_t id = 1; id <= 257; ++id) deliver(id, "");
    EXPECT_EQ(result_of(257).failure, Failure::exhausted_resources);
    EXPECT_EQ(launcher->started, 256U);
    EXPECT_EQ(told.count(1), 0U);
}

}  // namespace
}  // namespace penstock::sinks::process
