// What hostile and broken workers do, and what is made of it. Each case asserts the outcome,
// whether it counts as an attempt, and that no process and no descriptor stays (TearDown).
#include "tests/sinks/process/worker_fixture.h"

#include <ctime>

namespace penstock::sinks::process {
namespace {

using model::Failure;
using model::Verdict;

class HostileWorkerTest : public WorkerSinkTest {
  protected:
    void expect(std::uint64_t id, Verdict verdict, Failure failure) {
        const AttemptResult& result = result_of(id);
        EXPECT_EQ(result.verdict, verdict) << result.excerpt;
        EXPECT_EQ(result.failure, failure) << result.excerpt;
    }

    // Another subscription's worker still answers.
    void expect_healthy_neighbour() {
        worker("for e in events(): ok(e)\n");
        target.subscription = model::SubscriptionNo(8);
        target.name = "neighbour";
        target.spec.timeout_ms = 10'000;
        deliver(9'000);
        EXPECT_EQ(result_of(9'000).verdict, Verdict::accepted);
    }
};

TEST_F(HostileWorkerTest, ExitsWithZeroInsteadOfAnAnswer) {
    worker("event(); sys.exit(0)\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::crash);
}

TEST_F(HostileWorkerTest, ExitsWithOneInsteadOfAnAnswer) {
    worker("event(); print('gave up', file=sys.stderr); sys.exit(1)\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::crash);
    EXPECT_EQ(result_of(1).log, "gave up\n");
    EXPECT_EQ(lines_of("server").size(), 1U);
}

TEST_F(HostileWorkerTest, IsEndedByASignal) {
    worker("event(); os.kill(os.getpid(), signal.SIGSEGV)\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::crash);
    EXPECT_NE(result_of(1).excerpt.find("signal 11 (Segmentation fault)"), std::string::npos);
}

TEST_F(HostileWorkerTest, IsMissing) {
    use(model::SinkKind::worker, {"/no/such/worker"});
    deliver(1);
    expect(1, Verdict::not_attempted, Failure::configuration);
    EXPECT_NE(result_of(1).disable, "");
    EXPECT_EQ(lines_of("server"), std::vector<std::string>{result_of(1).disable});
}

TEST_F(HostileWorkerTest, FailsBeforeItReadsAnything) {
    target.spec.timeout_ms = 30'000;
    worker("import no_such_module\n");
    deliver(1);
    expect(1, Verdict::not_attempted, Failure::configuration);
    EXPECT_NE(result_of(1).disable.find("crash loop"), std::string::npos) << result_of(1).disable;
    EXPECT_EQ(launcher->started, 5U);
    EXPECT_EQ(lines_of("server").size(), 5U);
}

TEST_F(HostileWorkerTest, CrashesWithSeveralInHandAndTheCulpritIsFound) {
    target.spec.function.window = 4;
    worker(
        "held = []\n"
        "for e in events():\n"
        "    if e['event']['body'] == 'poison': os.abort()\n"
        "    if e['event']['body'] == 'wait': held.append(e)\n"
        "    else: ok(e)\n");
    for (const std::uint64_t id : {1, 2}) deliver(id, "wait");
    deliver(3, "poison");
    for (const std::uint64_t id : {1, 2, 3}) expect(id, Verdict::not_attempted, Failure::crash);
    told.clear();
    deliver(3, "poison");
    deliver(1, "fine");
    expect(3, Verdict::retry, Failure::crash);
    expect(1, Verdict::accepted, Failure::none);
}

TEST_F(HostileWorkerTest, HangsAndIgnoresSigterm) {
    workshop.limits.term_grace_us = 300'000;
    sink = make_worker_sink(workshop, options);
    target.spec.timeout_ms = 200;
    worker(
        "import time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "event()\n"
        "while True: time.sleep(60)\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::timeout);
    EXPECT_TRUE(until([this]() { return launcher->running() == 0; }));
    EXPECT_EQ(launcher->kills, 1U);
    expect_healthy_neighbour();
}

TEST_F(HostileWorkerTest, IsStopped) {
    workshop.limits.term_grace_us = 300'000;
    sink = make_worker_sink(workshop, options);
    target.spec.timeout_ms = 200;
    worker("event(); os.kill(os.getpid(), signal.SIGSTOP)\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::timeout);
    EXPECT_TRUE(until([this]() { return launcher->running() == 0; }));
}

TEST_F(HostileWorkerTest, FloodsStderr) {
    target.spec.timeout_ms = 500;
    worker("event()\nwhile True: os.write(2, b'x' * 60 + b'\\n')\n");
    deliver(1);
    const std::clock_t before = std::clock();
    expect(1, Verdict::retry, Failure::timeout);
    const double cpu_s = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    EXPECT_LT(cpu_s, 0.25) << "half a second of flood";
    EXPECT_LE(result_of(1).log.size(), 2'048U);
}

TEST_F(HostileWorkerTest, FloodsStdoutWithLines) {
    target.spec.timeout_ms = 500;
    worker("event()\nwhile True: os.write(1, b'no frame\\n' * 1000)\n");
    deliver(1);
    const std::clock_t before = std::clock();
    expect(1, Verdict::retry, Failure::timeout);
    const double cpu_s = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    EXPECT_LT(cpu_s, 0.25) << "half a second of flood";
    expect_healthy_neighbour();
}

TEST_F(HostileWorkerTest, FloodsStdoutWithAnswersToNothing) {
    target.spec.timeout_ms = 500;
    worker("event()\nwhile True: os.write(1, b'{\"id\":\"77\",\"ok\":true}\\n' * 1000)\n");
    deliver(1);
    const std::clock_t before = std::clock();
    expect(1, Verdict::retry, Failure::timeout);
    const double cpu_s = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    EXPECT_LT(cpu_s, 0.25) << "half a second of flood";
    expect_healthy_neighbour();
}

TEST_F(HostileWorkerTest, FloodsStdoutWithoutALineEnd) {
    worker("event()\nwhile True: os.write(1, b'x' * 65536)\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::crash);
    EXPECT_EQ(launcher->kills, 1U);
    EXPECT_NE(result_of(1).excerpt.find("a frame is longer than 2359296 bytes"), std::string::npos)
        << result_of(1).excerpt;
}

TEST_F(HostileWorkerTest, ClosesItsStandardInputAndGoesOn) {
    target.spec.function.window = 8;
    worker("import time\nos.close(0); time.sleep(60)\n");
    deliver(1, std::string(200'000, 'x'));
    EXPECT_TRUE(until([this]() { return launcher->kills > 0; }));
}

TEST_F(HostileWorkerTest, ClosesItsStandardOutputAndGoesOn) {
    target.spec.timeout_ms = 300;
    worker("import time\nevent(); os.close(1); os.close(3); time.sleep(60)\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::timeout);
}

TEST_F(HostileWorkerTest, WritesHalfAFrameAndExits) {
    worker("e = event(); raw('{\"id\":\"' + e['id'] + '\",\"ok\":tr')\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::crash);
}

TEST_F(HostileWorkerTest, WritesHalfAFrameAndHangs) {
    target.spec.timeout_ms = 300;
    worker("e = event(); raw('{\"id\":\"' + e['id'] + '\",\"ok\":tr'); event()\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::timeout);
}

TEST_F(HostileWorkerTest, GivesAWrongContentLength) {
    target.spec.function.content_length = true;
    for (const char* head :
         {"Content-Length: -1", "Content-Length: 99999999999", "Length: 3", "x"}) {
        worker("sys.stdin.buffer.read(10); raw('" + std::string(head) +
               "\\r\\n\\r\\n{}'); event()\n");
        const std::uint64_t id = told.size() + 1;
        sink->forget(target);
        target.subscription = model::SubscriptionNo(100 + static_cast<std::uint32_t>(id));
        deliver(id);
        expect(id, Verdict::retry, Failure::crash);
    }
}

TEST_F(HostileWorkerTest, PromisesALongerFrameThanItWrites) {
    target.spec.function.content_length = true;
    target.spec.timeout_ms = 300;
    worker(
        "sys.stdin.buffer.read(10); raw('Content-Length: 100\\r\\n\\r\\n{}'); sys.stdin.read()\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::timeout);
}

TEST_F(HostileWorkerTest, SendsAJsonBomb) {
    worker(
        "e = event()\n"
        "raw('[' * 1000000 + '\\n')\n"
        "raw('{\"a\":' * 20000 + '\\n')\n"
        "raw('{\"id\":' + '{\"a\":' * 30 + '1' + '}' * 31 + '\\n')\n"
        "ok(e); event()\n");
    deliver(1);
    expect(1, Verdict::accepted, Failure::none);
}

TEST_F(HostileWorkerTest, AnswersWithMoreValuesThanCanBeReadInATurn) {
    worker(
        "e = event(); raw('{\"id\":\"' + e['id'] + '\",\"ok\":true,\"result\":[0' + ',0' * 500000 "
        "+ "
        "']}\\n'); event()\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::crash);
    EXPECT_NE(result_of(1).excerpt.find("a frame holds more than 50000 JSON values"),
              std::string::npos)
        << result_of(1).excerpt;
}

TEST_F(HostileWorkerTest, AnswersTwice) {
    worker("for e in events(): ok(e); fail(e, 'changed my mind')\n");
    for (std::uint64_t id = 1; id <= 3; ++id) {
        deliver(id);
        expect(id, Verdict::accepted, Failure::none);
    }
    EXPECT_TRUE(until([this]() { return !lines_of("server").empty(); }));
    EXPECT_EQ(lines_of("server").size(), 1U) << "said once";
}

TEST_F(HostileWorkerTest, AnswersForAnotherId) {
    target.spec.timeout_ms = 400;
    worker(
        "e = event()\n"
        "for id in ('', '0', '99', '-1', '18446744073709551616', 'x'): ok({'id': id})\n"
        "say({'id': 1, 'ok': True}); event()\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::timeout);
}

TEST_F(HostileWorkerTest, AnswersInALineOfATypeThatThereIsNot) {
    worker(
        "e = event(); say({'type': 'ack', 'id': e['id']}); say({'type': 'newer'}); ok(e)\n"
        "event()\n");
    deliver(1);
    expect(1, Verdict::accepted, Failure::none);
    ASSERT_TRUE(until([this]() { return !lines_of("server").empty(); }));
    EXPECT_EQ(lines_of("server").size(), 1U) << "said once";
    EXPECT_EQ(lines_of("server")[0].rfind("events/score: a line was ignored: \"type\" is", 0), 0U)
        << lines_of("server")[0];
}

TEST_F(HostileWorkerTest, AnswersAfterItsTime) {
    target.spec.timeout_ms = 200;
    target.spec.function.window = 2;
    worker(
        "import time\n"
        "slow = event(); quick = event(); time.sleep(0.1); ok(quick)\n"
        "time.sleep(0.4); ok(slow)\n"
        "for e in events(): ok(e)\n");
    deliver(1);
    deliver(2);
    expect(2, Verdict::accepted, Failure::none);
    expect(1, Verdict::retry, Failure::timeout);
    ASSERT_TRUE(until([this]() { return lines_of("server").size() == 2; }));
    EXPECT_EQ(lines_of("server")[1], "events/score: an answer came after its time and was ignored");
    target.spec.timeout_ms = 5'000;
    deliver(3);
    expect(3, Verdict::accepted, Failure::none);
    EXPECT_EQ(launcher->started, 1U);
}

TEST_F(HostileWorkerTest, AnswersWithWrongMembers) {
    target.spec.function.window = 4;
    worker(
        "a = event(); say({'id': a['id'], 'ok': 'yes'})\n"
        "b = event(); say({'id': b['id'], 'ok': False, 'retry_after_ms': -5})\n"
        "c = event(); say({'id': c['id']})\n"
        "say({'type': 'ready', 'id': 5}); say({'type': 'of tomorrow'}); say({'type': 'log'})\n"
        "event()\n");
    for (std::uint64_t id = 1; id <= 2; ++id) {
        deliver(id);
        expect(id, Verdict::retry, Failure::handler);
        EXPECT_NE(result_of(id).excerpt.find("malformed"), std::string::npos);
    }
}

TEST_F(HostileWorkerTest, NeverBecomesReady) {
    target.spec.timeout_ms = 30'000;
    target.spec.function.ready_line = true;
    target.spec.function.startup_ms = 100;
    worker("import time\ntime.sleep(60)\n");
    deliver(1);
    expect(1, Verdict::not_attempted, Failure::configuration);
    EXPECT_NE(result_of(1).disable.find("was not ready within 100 ms"), std::string::npos);
}

TEST_F(HostileWorkerTest, LeavesAChildThatHoldsThePipes) {
    worker(
        "import subprocess\n"
        "e = event()\n"
        "subprocess.Popen(['/bin/sleep', '60'])\n"
        "os._exit(1)\n");
    deliver(1);
    expect(1, Verdict::retry, Failure::crash);
}

TEST_F(HostileWorkerTest, ReadsNothingAndIsNotFedForEver) {
    target.spec.timeout_ms = 1'000;
    target.spec.function.window = 256;
    worker("import time\ntime.sleep(60)\n");
    for (std::uint64_t id = 1; id <= 20; ++id) deliver(id, std::string(1 << 20, 'x'));
    // Only what the pipe and one mebibyte beside it hold is taken; nobody saw any of it.
    for (std::uint64_t id = 1; id <= 20; ++id) {
        expect(id, Verdict::not_attempted, Failure::no_worker);
    }
}

}  // namespace
}  // namespace penstock::sinks::process
