// A pool of real workers that speak JSON lines: Python and shell, well behaved.
#include "sinks/process/worker_sink.h"

#include "tests/sinks/process/worker_fixture.h"

namespace penstock::sinks::process {
namespace {

using model::Failure;
using model::Verdict;

TEST_F(WorkerSinkTest, AWorkerOfTenLinesHandlesMessages) {
    python(
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    frame = json.loads(line)\n"
        "    event = frame['event']\n"
        "    ok = event['body'] == 'hello' and event['topic'] == 'events'\n"
        "    print(json.dumps({'id': frame['id'], 'ok': ok}), flush=True)\n");
    for (std::uint64_t id = 1; id <= 50; ++id) deliver(id);
    for (std::uint64_t id = 1; id <= 50; ++id) EXPECT_EQ(result_of(id).verdict, Verdict::accepted);
    EXPECT_EQ(launcher->started, 1U);
}

TEST_F(WorkerSinkTest, AnswersMayComeInAnyOrder) {
    target.spec.function.window = 3;
    worker(
        "a = event(); b = event(); c = event()\n"
        "ok(c); ok(a); fail(b, 'not b')\n");
    for (std::uint64_t id = 1; id <= 3; ++id) deliver(id);
    EXPECT_EQ(result_of(3).verdict, Verdict::accepted);
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
    EXPECT_EQ(result_of(2).verdict, Verdict::retry);
    EXPECT_EQ(result_of(2).failure, Failure::handler);
    EXPECT_EQ(result_of(2).excerpt, "not b");
}

TEST_F(WorkerSinkTest, FailuresMayAskForAPauseOrForTheDeadLetterQueue) {
    target.spec.function.window = 2;
    worker(
        "a = event(); b = event()\n"
        "say({'id': a['id'], 'ok': False, 'error': 'later', 'retry_after_ms': 7000})\n"
        "say({'id': b['id'], 'ok': False, 'error': 'never', 'dead': True})\n"
        "event()\n");
    deliver(1);
    deliver(2);
    EXPECT_EQ(result_of(1).verdict, Verdict::retry);
    EXPECT_EQ(result_of(1).retry_after_ms, 7'000U);
    EXPECT_EQ(result_of(2).verdict, Verdict::rejected);
    EXPECT_EQ(result_of(2).excerpt, "never");
    EXPECT_EQ(lines_of("server"),
              (std::vector<std::string>{"events/score: message 1: later",
                                        "events/score: message 2: never"}));
}

TEST_F(WorkerSinkTest, RepliesMayComeOnDescriptorThreeBesidePrints) {
    python(
        "import json, os, sys\n"
        "reply = os.fdopen(int(os.environ['PENSTOCK_REPLY_FD']), 'w', buffering=1)\n"
        "for line in sys.stdin:\n"
        "    print('{ this is', 'no frame', flush=True)\n"
        "    print('a stray print', flush=True)\n"
        "    reply.write(json.dumps({'id': json.loads(line)['id'], 'ok': True}) + '\\n')\n");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
    EXPECT_TRUE(until([this]() { return lines_of("stdout").size() == 1; }));
    EXPECT_EQ(lines_of("stdout"), std::vector<std::string>{"a stray print"});
    EXPECT_EQ(
        lines_of("server"),
        std::vector<std::string>{"events/score: a line of the worker is no JSON object: { this "
                                 "is no frame; write one object a line and flush after each"});
}

TEST_F(WorkerSinkTest, FramesMayStandBehindAContentLength) {
    target.spec.function.content_length = true;
    python(
        "import json, sys\n"
        "i, o = sys.stdin.buffer, sys.stdout.buffer\n"
        "while True:\n"
        "    head = i.readline()\n"
        "    if not head: break\n"
        "    i.readline()\n"
        "    frame = json.loads(i.read(int(head.split(b':')[1])))\n"
        "    text = json.dumps({'id': frame['id'], 'ok': True}, indent=1).encode()\n"
        "    o.write(b'Content-Length: %d\\r\\n\\r\\n' % len(text) + text); o.flush()\n");
    for (std::uint64_t id = 1; id <= 3; ++id) deliver(id, "two\nlines");
    for (std::uint64_t id = 1; id <= 3; ++id) EXPECT_EQ(result_of(id).verdict, Verdict::accepted);
}

TEST_F(WorkerSinkTest, TheFirstMessageWaitsForTheReadyLine) {
    target.spec.function.ready_line = true;
    worker(
        "import time, select\n"
        "time.sleep(0.2)\n"
        "early = bool(select.select([0], [], [], 0)[0])\n"
        "say({'type': 'ready'})\n"
        "e = event()\n"
        "fail(e, 'early') if early else ok(e)\n"
        "event()\n");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
}

TEST_F(WorkerSinkTest, LogLinesCarryLevelAndMessage) {
    worker(
        "e = event()\n"
        "say({'type': 'log', 'id': e['id'], 'level': 'warn', 'text': 'half way'})\n"
        "ok(e); event()\n");
    deliver(33);
    result_of(33);
    const auto lines = log_lines();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].level, "warn");
    EXPECT_EQ(lines[0].message, "33");
    EXPECT_EQ(lines[0].text, "half way");
}

TEST_F(WorkerSinkTest, ExtendGivesMoreTime) {
    target.spec.timeout_ms = 300;
    worker(
        "import time\n"
        "e = event()\n"
        "say({'type': 'extend', 'id': e['id'], 'by_ms': 5000})\n"
        "time.sleep(0.6); ok(e); event()\n");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
}

TEST_F(WorkerSinkTest, PublishLinesTravelWithTheAnswer) {
    target.spec.function.window = 2;
    worker(
        "a = event(); b = event()\n"
        "say({'type': 'publish', 'id': a['id'], 'topic': 'done', 'body': 'A', 'tags': ['x'],"
        " 'delay_ms': 50})\n"
        "say({'type': 'publish', 'id': b['id'], 'queue': 'jobs', 'json': {'n': 1}})\n"
        "ok(b); fail(a, 'no'); event()\n");
    deliver(1);
    deliver(2);
    EXPECT_FALSE(result_of(1).effects.has_value());
    ASSERT_TRUE(result_of(2).effects.has_value());
    ASSERT_EQ(result_of(2).effects->outputs.size(), 1U);
    const api::HandlerOutput& output = result_of(2).effects->outputs[0];
    EXPECT_EQ(output.queue, "jobs");
    EXPECT_EQ(output.message.payload, "{\"n\": 1}");
}

TEST_F(WorkerSinkTest, TooMuchPublishedIsRefusedWhole) {
    worker(
        "a = event()\n"
        "for n in range(101): say({'type': 'publish', 'id': a['id'], 'topic': 't', 'body': 'x'})\n"
        "ok(a)\n"
        "b = event()\n"
        "say({'type': 'publish', 'id': b['id'], 'body': 'to nowhere'})\n"
        "ok(b)\n"
        "for last in (524288, 524289):\n"
        "  c = event()\n"
        "  for size in (524288, last):\n"
        "    say({'type': 'publish', 'id': c['id'], 'topic': 't', 'body': 'x' * size})\n"
        "  ok(c)\n"
        "event()\n");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::retry);
    EXPECT_EQ(result_of(1).failure, Failure::output_refused);
    EXPECT_EQ(result_of(1).excerpt, "it published more than 100 messages for one");
    deliver(2);
    EXPECT_EQ(result_of(2).failure, Failure::output_refused);
    EXPECT_FALSE(result_of(2).effects.has_value());
    deliver(3);
    EXPECT_EQ(result_of(3).verdict, Verdict::accepted) << "1 MiB";
    deliver(4);
    EXPECT_EQ(result_of(4).failure, Failure::output_refused);
    EXPECT_EQ(result_of(4).excerpt, "it published more than 1048576 bytes for one message");
}

TEST_F(WorkerSinkTest, StderrIsLoggedAndTheEndOfItTravelsWithAFailure) {
    worker(
        "a = event()\n"
        "print('thinking', file=sys.stderr, flush=True)\n"
        "fail(a, 'too hard'); event()\n");
    deliver(1);
    EXPECT_EQ(result_of(1).log, "thinking\n");
    EXPECT_EQ(result_of(1).excerpt, "too hard");
    EXPECT_EQ(lines_of("stderr"), std::vector<std::string>{"thinking"});
}

TEST_F(WorkerSinkTest, BigAndBinaryBodiesArriveWhole) {
    worker(
        "import base64\n"
        "a = event(); body = base64.b64decode(a['event']['body_base64'])\n"
        "fail(a, str(len(body)) + ' ' + str(sum(body) % 251)); event()\n");
    std::string body(1 << 20, '\xFF');
    body[77] = '\0';
    deliver(1, body);
    EXPECT_EQ(result_of(1).excerpt,
              std::to_string(1 << 20) + " " + std::to_string(((1LL << 20) - 1) * 255 % 251));
}

TEST_F(WorkerSinkTest, WorkIsSharedByTheProcessesOfThePool) {
    target.spec.function.processes = 3;
    worker(
        "import time\n"
        "for e in events():\n"
        "    time.sleep(0.05); fail(e, str(os.getpid()))\n");
    std::set<std::string> pids;
    for (std::uint64_t id = 1; id <= 12; ++id) deliver(id);
    for (std::uint64_t id = 1; id <= 12; ++id) pids.insert(result_of(id).excerpt);
    EXPECT_EQ(pids.size(), 3U);
}

TEST_F(WorkerSinkTest, AChangedProgramTakesOverWithoutLosingAMessage) {
    worker("for e in events(): fail(e, 'old')\n");
    deliver(1);
    EXPECT_EQ(result_of(1).excerpt, "old");
    sink->forget(target);
    worker("for e in events(): fail(e, 'new')\n");
    std::uint64_t id = 1;
    do {
        deliver(++id);
    } while (result_of(id).excerpt == "old" && id < 2'000);
    EXPECT_EQ(result_of(id).excerpt, "new");
    EXPECT_TRUE(until([this]() { return launcher->running() == 1; }));
}

TEST_F(WorkerSinkTest, AForgottenSubscriptionLeavesNoProcess) {
    worker("for e in events(): ok(e)\n");
    deliver(1);
    result_of(1);
    sink->forget(target);
    EXPECT_TRUE(until([this]() { return launcher->running() == 0; }));
}

TEST_F(WorkerSinkTest, TheExamplesInPythonAndNodeDoWhatTheySay) {
    const std::string examples = std::string(PENSTOCK_SOURCE_DIR) + "/examples/workers/";
    use(model::SinkKind::worker, {"/usr/bin/python3", examples + "worker.py"});
    deliver(1, R"({"amount": 21})");
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
    deliver(2, R"({"price": 21})");
    EXPECT_EQ(result_of(2).verdict, Verdict::rejected);
    EXPECT_EQ(result_of(2).excerpt, "KeyError('amount')");
    sink->forget(target);
    target.subscription = model::SubscriptionNo(8);
    use(model::SinkKind::worker, {"/usr/bin/env", "node", examples + "worker.js"});
    deliver(3, "hello");
    EXPECT_EQ(result_of(3).verdict, Verdict::accepted);
    ASSERT_TRUE(result_of(3).effects.has_value());
    EXPECT_EQ(result_of(3).effects->outputs.at(0).topic, "enriched");
    EXPECT_EQ(result_of(3).effects->outputs.at(0).message.payload, R"({"of":"3","length":5})");
}

TEST_F(WorkerSinkTest, TwoWorkersCarryMuchMoreThanTwelveThousandASecond) {
    target.spec.function.processes = 2;
    target.spec.function.window = 64;
    worker("for e in events(): ok(e)\n");
    const std::uint64_t count = 20'000;
    const std::string body(1'024, 'x');
    const std::int64_t begin_us = clock.steady_us();
    std::uint64_t next = 1;
    while (told.size() < count) {
        while (next <= count && next <= told.size() + 128) deliver(next++, body);
        context.restart();
        context.run_one_for(std::chrono::milliseconds(50));
        ASSERT_LT(clock.steady_us() - begin_us, 30'000'000);
    }
    const std::int64_t took_us = clock.steady_us() - begin_us;
    RecordProperty("messages_per_second", static_cast<int>(count * 1'000'000 / took_us));
    for (std::uint64_t id = 1; id <= count; ++id) {
        ASSERT_EQ(told[id].result.verdict, Verdict::accepted);
    }
    EXPECT_EQ(launcher->started, 2U);
}

}  // namespace
}  // namespace penstock::sinks::process
