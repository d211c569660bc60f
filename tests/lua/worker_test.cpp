// What scripts can do and what becomes of their messages, frame by frame.
#include "tests/lua/lua_fixture.h"

#include <gmock/gmock.h>

namespace penstock::lua {
namespace {

using sinks::worker::Heard;
using ::testing::HasSubstr;
using Kind = Heard::Kind;

class LuaWorker : public LuaFixture {
  protected:
    // Loads `code` as a handler's lines and sends one event, whose frames are given.
    std::vector<Heard> frames_of(const std::string& code, const std::string& body = "{}") {
        EXPECT_EQ(load("function handle(event, ctx)\n" + code + "\nend"), "");
        send("7", body);
        return heard();
    }

    std::string result_of(const std::string& code, const std::string& body = "{}") {
        const Heard answer = run(code, body);
        EXPECT_TRUE(answer.answer.ok) << answer.answer.error;
        return answer.answer.result;
    }

    // Of a batch of one message.
    std::string error_of_batch(const std::string& body) { return handle(body).answer.error; }

    std::string error_of(const std::string& code, const std::string& body = "{}") {
        const Heard answer = run(code, body);
        EXPECT_FALSE(answer.answer.ok);
        return answer.answer.error;
    }
};

TEST_F(LuaWorker, GivesTheEventAsATable) {
    ASSERT_EQ(
        load("function handle(e, ctx)\n"
             "  return {e.id, e.topic, e.subscription, e.tags, e.routing_key, e.ordering_key,\n"
             "          e.attempt, e.publish_time, e.publish_time_ms, e.headers['x-a'],\n"
             "          e.content_type, e.body, ctx.attempt, ctx.deadline_ms}\n"
             "end"),
        "");
    sinks::worker::Event event{"m1",
                               "orders",
                               "audit",
                               {"a", "b"},
                               "r.k",
                               "o",
                               3,
                               1'769'846'709'120,
                               {{"x-a", "1"}},
                               "text/plain",
                               "hello",
                               ""};
    worker_.hear(sinks::worker::event_frame("7", event, 99));
    EXPECT_EQ(heard().back().answer.result,
              R"(["m1","orders","audit",["a","b"],"r.k","o",3,"2026-01-31T08:05:09.120Z",)"
              R"(1769846709120,"1","text/plain","hello",3,99])");
}

TEST_F(LuaWorker, TakesEveryReturnValueAsDocumented) {
    EXPECT_EQ(result_of("return"), "");
    EXPECT_EQ(result_of("return true"), "");
    EXPECT_EQ(result_of("return 'text'"), R"("text")");
    EXPECT_EQ(result_of("return {a = 1}"), R"({"a":1})");
    EXPECT_EQ(run("return '\\xff\\xfe'").answer.result_bytes, "\xFF\xFE");
    EXPECT_EQ(error_of("return false, 'no stock'"), "no stock");
    const Heard retry = run("return ctx.retry{after = 1.5, reason = 'later'}");
    EXPECT_EQ(retry.answer.error, "later");
    EXPECT_EQ(retry.answer.retry_after_ms, 1'500U);
    EXPECT_FALSE(retry.answer.dead);
    EXPECT_EQ(run("return ctx.retry()").answer.error, "the handler asked for a retry");
    const Heard dead = run("return ctx.dead('never')");
    EXPECT_TRUE(dead.answer.dead);
    EXPECT_EQ(dead.answer.error, "never");
    const Heard dropped = run("return ctx.drop()");
    EXPECT_TRUE(dropped.answer.ok);
    EXPECT_TRUE(dropped.answer.dropped);
}

TEST_F(LuaWorker, NamesFileAndLineOfAnError) {
    worker_.hear(sinks::worker::script_frame(
        {"handler", 1, "function handle(e)\n  local x = nil\n  return x.y\nend", "orders.lua"}));
    heard();
    EXPECT_THAT(handle("x").answer.error,
                HasSubstr("orders.lua:3: attempt to index a nil value (local 'x')"));
}

TEST_F(LuaWorker, PublishesOnlyWithAnAcceptedAnswer) {
    const auto frames = frames_of(
        "ctx.publish('done', {json = {n = 1}, tags = {'a', 2}, routing_key = 'r', ordering_key = "
        "'o', delay = 0.5})\n"
        "ctx.send('queue', {body = '\\xff', content_type = 'x/y'})\n"
        "ctx.publish('short', 'text')");
    ASSERT_EQ(frames.size(), 4U);
    const sinks::worker::Publish first{
        "done", "", R"({"n":1})", {"a", "2"}, "r", "o", "application/json", 500};
    EXPECT_EQ(frames[0].publish, first);
    EXPECT_EQ(frames[1].publish.queue, "queue");
    EXPECT_EQ(frames[1].publish.body, "\xFF");
    EXPECT_EQ(frames[2].publish.body, "text");
    EXPECT_EQ(frames[3].kind, Kind::answer);

    EXPECT_EQ(frames_of("ctx.publish('done', 'x') error('after')").size(), 1U);
    EXPECT_EQ(frames_of("ctx.publish('done', 'x') return ctx.dead()").size(), 1U);
}

TEST_F(LuaWorker, WritesLogLinesAsTheyCome) {
    const auto frames = frames_of(
        "ctx.log.debug('%d of %s', 1, 'two')\nctx.log.warn('100%')\nprint('a', nil)\n"
        "ctx.log.error(('x'):rep(10000))");
    ASSERT_EQ(frames.size(), 5U);
    EXPECT_EQ(frames[0].log.level, "debug");
    EXPECT_EQ(frames[0].log.text, "1 of two");
    EXPECT_EQ(frames[0].id, "7");
    EXPECT_EQ(frames[1].log.text, "100%");
    EXPECT_EQ(frames[2].log.text, "a\tnil");
    EXPECT_EQ(frames[3].log.text.size(), log_line_bytes_max + 6);
    const auto many = frames_of("for i = 1, 2000 do ctx.log.info('x') end");
    ASSERT_EQ(many.size(), log_lines_max + 2);
    EXPECT_EQ(many[log_lines_max].log.text, "further log lines of this message are dropped");
}

TEST_F(LuaWorker, AsksTheServerForHttpAndGoesOnWithTheAnswer) {
    auto frames = frames_of(
        "local r, e = ctx.http:post('http://stock/api', {json = {a = 1}, headers = {['X-K'] = 5},\n"
        "                                                timeout = 2000})\n"
        "local s, e2 = ctx.http:get('http://stock/api')\n"
        "return {r.status, r.headers.server, r:json().n, r.body, tostring(s), e2}");
    ASSERT_EQ(frames.size(), 1U);
    ASSERT_EQ(frames[0].kind, Kind::call);
    EXPECT_EQ(frames[0].call.name, "http");
    EXPECT_THAT(frames[0].call.arguments, HasSubstr(R"("method":"POST","url":"http://stock/api")"));
    EXPECT_THAT(frames[0].call.arguments, HasSubstr(R"("body":"{\"a\":1}")"));
    EXPECT_THAT(frames[0].call.arguments, HasSubstr(R"("X-K":"5")"));
    EXPECT_THAT(frames[0].call.arguments, HasSubstr(R"("content-type":"application/json")"));
    EXPECT_THAT(frames[0].call.arguments, HasSubstr(R"("timeout_ms":2000,"idempotency":1)"));
    EXPECT_EQ(worker_.in_flight(), 1U);
    worker_.hear(sinks::worker::result_frame(
        frames[0].call.number,
        R"("status":201,"headers":{"server":"x"},"body_base64":"eyJuIjo3fQ==")"));
    frames = heard();
    ASSERT_EQ(frames[0].kind, Kind::call);
    EXPECT_THAT(frames[0].call.arguments, HasSubstr(R"("idempotency":2)"));
    worker_.hear(sinks::worker::failed_result_frame(frames[0].call.number, "refused"));
    frames = heard();
    EXPECT_EQ(frames[0].answer.result, R"([201,"x",7,"{\"n\":7}","nil","refused"])");
    EXPECT_EQ(worker_.in_flight(), 0U);
}

TEST_F(LuaWorker, AnswersInAnyOrderAndIgnoresUnknownResults) {
    ASSERT_EQ(load("function handle(e, ctx) return (ctx.http:get(e.body)).body end"), "");
    send("1", "one");
    send("2", "two");
    const auto calls = heard();
    ASSERT_EQ(calls.size(), 2U);
    worker_.hear(sinks::worker::result_frame(77, ""));
    worker_.hear(sinks::worker::result_frame(calls[1].call.number, R"("status":200,"body":"B")"));
    worker_.hear(sinks::worker::result_frame(calls[0].call.number, R"("status":200,"body":"A")"));
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0].id, "2");
    EXPECT_EQ(frames[0].answer.result, R"("B")");
    EXPECT_EQ(frames[1].id, "1");
    EXPECT_EQ(frames[1].answer.result, R"("A")");
}

TEST_F(LuaWorker, CallsFromAScriptsOwnCoroutines) {
    auto frames = frames_of(
        "local inner = coroutine.wrap(function()\n"
        "  local value = ctx.kv:get('k')\n"
        "  coroutine.yield(value)\n"
        "  local ok, again = pcall(function() return ctx.kv:incr('k', 2) end)\n"
        "  return again\n"
        "end)\n"
        "local co = coroutine.create(function() return inner(), inner() end)\n"
        "local ok, a, b = coroutine.resume(co)\n"
        "return {ok, a, b, coroutine.status(co)}");
    ASSERT_EQ(frames[0].call.name, "kv_get");
    EXPECT_THAT(frames[0].call.arguments, HasSubstr(R"("key":"k")"));
    worker_.hear(sinks::worker::result_frame(frames[0].call.number, R"("version":9,"value":"40")"));
    frames = heard();
    ASSERT_EQ(frames[0].kind, Kind::answer) << "the second read is known";
    EXPECT_EQ(frames[0].answer.result, R"([true,"40",42,"dead"])");
    ASSERT_EQ(frames[0].answer.reads.size(), 1U);
    EXPECT_EQ(frames[0].answer.reads[0], (sinks::worker::Read{"k", 9}));
    ASSERT_EQ(frames[0].answer.writes.size(), 1U);
    EXPECT_EQ(frames[0].answer.writes[0].value, "42");
}

TEST_F(LuaWorker, KvWritesTravelWithTheAnswer) {
    const auto frames = frames_of(
        "ctx.kv:put('a', 'text', {ttl = 60})\nctx.kv:put('n', 5)\nctx.kv:delete('old')\n"
        "ctx.kv:add('count', 2) ctx.kv:add('count', 3)\n"
        "return {ctx.kv:get('a'), ctx.kv:get('old') == nil, ctx.kv:incr('n')}");
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].answer.result, R"(["text",true,6])");
    using sinks::worker::Write;
    const std::vector<Write> writes{{"a", Write::Kind::put, "text", 0, 60'000},
                                    {"count", Write::Kind::add, "", 5, 0},
                                    {"n", Write::Kind::put, "6", 0, 0},
                                    {"old", Write::Kind::erase, "", 0, 0}};
    EXPECT_EQ(frames[0].answer.writes, writes);
    EXPECT_TRUE(frames[0].answer.reads.empty());
}

TEST_F(LuaWorker, AFailedKvReadIsAnErrorOfTheScript) {
    auto frames = frames_of("local ok, e = pcall(ctx.kv.get, ctx.kv, 'k') return tostring(e)");
    worker_.hear(sinks::worker::failed_result_frame(frames[0].call.number, "no kv here"));
    EXPECT_THAT(heard()[0].answer.result, HasSubstr("ctx.kv:get: no kv here"));
}

TEST_F(LuaWorker, GlobalsOfOneMessageNeverReachTheNext) {
    ASSERT_EQ(load("shared = {n = 0}\nlocal kept = 0\n"
                   "function handle(e, ctx)\n"
                   "  local before = mine\n"
                   "  mine = e.body\n"
                   "  kept = kept + 1\n"
                   "  ctx.http:get('x')\n"
                   "  return {before or json.null, mine, kept, handle ~= nil, _G.mine}\n"
                   "end"),
              "");
    send("1", "one");
    send("2", "two");
    const auto calls = heard();
    for (const auto& call : calls)
        worker_.hear(sinks::worker::failed_result_frame(call.call.number, "x"));
    const auto frames = heard();
    EXPECT_EQ(frames[0].answer.result, R"([null,"one",2,true,"one"])");
    EXPECT_EQ(frames[1].answer.result, R"([null,"two",2,true,"two"])");
    EXPECT_THAT(error_of("x = 1 local y = x handle = 5 return unknown.field"),
                HasSubstr("global 'unknown'"));
}

TEST_F(LuaWorker, RunningMessagesFinishOnTheOldVersion) {
    ASSERT_EQ(load("function handle(e, ctx) ctx.http:get('x') return 'old' end", "handler", 1), "");
    send("1", "");
    const auto calls = heard();
    ASSERT_EQ(load("function handle(e, ctx) return 'new' end", "handler", 2), "");
    EXPECT_EQ(handle("").answer.result, R"("new")");
    worker_.hear(sinks::worker::failed_result_frame(calls[0].call.number, "x"));
    EXPECT_EQ(heard()[0].answer.result, R"("old")");
}

TEST_F(LuaWorker, AVersionThatFailsLeavesTheOldOneInUse) {
    ASSERT_EQ(load("function handle() return 'old' end", "handler", 1), "");
    EXPECT_EQ(load("function handle() return end end", "handler", 2),
              "handler:1: <eof> expected near 'end'");
    EXPECT_EQ(load("error('at the start')", "handler", 3), "handler:1: at the start");
    EXPECT_EQ(load("x = 1", "handler", 4),
              "handler:1: the file defines no function handle(event, ctx)");
    EXPECT_EQ(load("function init(cfg) error(cfg.role .. cfg.version, 0) end\n"
                   "function handle() end",
                   "handler",
                   5),
              "handler5");
    EXPECT_EQ(load("\x1bLua", "handler", 6), "attempt to load a binary chunk (mode is 't')");
    EXPECT_EQ(load("function handle() end", "other"), "there is no role 'other'");
    EXPECT_EQ(handle("").answer.result, R"("old")");
}

TEST_F(LuaWorker, FiltersAndTransformsAreRolesOfTheirOwn) {
    EXPECT_EQ(load("function handle() end", "filter"),
              "filter:1: the file defines no function filter(event)");
    EXPECT_EQ(load("function handle() end", "transform"),
              "transform:1: the file defines no function transform(event)");
    ASSERT_EQ(load("function filter(e)\n"
                   "  if e.body == 'n' then return nil end\n"
                   "  if e.body == 'x' then return 'yes' end\n"
                   "  return e.body == 'y'\n"
                   "end",
                   "filter"),
              "");
    ASSERT_EQ(load("function transform(e, ctx)\n"
                   "  if e.body == 'kv' then ctx.kv:put('a', 'b') end\n"
                   "  if e.body == 'drop' then return ctx.drop() end\n"
                   "  if e.body == 'same' then return nil end\n"
                   "  return e.body:upper()\n"
                   "end",
                   "transform"),
              "");
    EXPECT_EQ(handle("y", "filter").answer.result, "true");
    EXPECT_EQ(handle("z", "filter").answer.result, "false");
    EXPECT_EQ(handle("n", "filter").answer.result, "false");
    EXPECT_THAT(handle("x", "filter").answer.error, HasSubstr("filter returned a string"));
    EXPECT_EQ(handle("abc", "transform").answer.result, R"("ABC")");
    EXPECT_EQ(handle("same", "transform").answer.result, "");
    EXPECT_TRUE(handle("drop", "transform").answer.dropped);
    EXPECT_THAT(handle("kv", "transform").answer.error,
                HasSubstr("ctx.kv:put is for handlers, not for a transform"));
    EXPECT_EQ(handle("x").answer.error, "no handler script is loaded");
}

TEST_F(LuaWorker, BatchesAreWhatWaitsTogetherAndNeverMoreThanSixteen) {
    ASSERT_EQ(load("function handle_batch(events, ctx)\n"
                   "  ctx.log.info('%d', #events)\n"
                   "  if events[1].body == 'wrong' then return {'nobody'} end\n"
                   "  if events[1].body == 'all' then return false, 'none' end\n"
                   "  return {events[1].id}\n"
                   "end"),
              "");
    for (int at = 0; at < 20; ++at) send(std::to_string(at), "x");
    worker_.rest();
    auto frames = heard();
    ASSERT_EQ(frames.size(), 22U);
    EXPECT_EQ(frames[0].log.text, "16");
    EXPECT_EQ(frames[1].answer.error, "handle_batch returned the message's id as failed");
    EXPECT_EQ(frames[1].id, "0");
    EXPECT_TRUE(frames[2].answer.ok);
    EXPECT_EQ(frames[2].id, "1");
    EXPECT_EQ(frames[17].log.text, "4");
    EXPECT_FALSE(frames[18].answer.ok);
    EXPECT_THAT(error_of_batch("wrong"), HasSubstr("something that is no event's id"));
    EXPECT_EQ(error_of_batch("all"), "none");
}

// There is one commit a message: what a batch wants must not hang on one of its messages.
TEST_F(LuaWorker, ABatchThatWantsSomethingIsHandledAgainMessageByMessage) {
    ASSERT_EQ(load("local runs = 0\nfunction handle_batch(events, ctx)\n"
                   "  runs = runs + 1\n"
                   "  for _, e in ipairs(events) do\n"
                   "    if e.body == 'row' then ctx.kv:add('n', 1) end\n"
                   "    if e.body == 'bad' then return {e.id} end\n"
                   "    if e.body ~= 'row' then ctx.publish('done', e.body .. runs) end\n"
                   "  end\n"
                   "end"),
              "");
    send("1", "a");
    send("2", "row");
    send("3", "b");
    send("4", "bad");
    worker_.rest();
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 6U);
    EXPECT_EQ(frames[0].publish.body, "a2");
    EXPECT_EQ(frames[0].id, "1");
    EXPECT_EQ(frames[1].id, "1");
    EXPECT_TRUE(frames[1].answer.writes.empty());
    EXPECT_EQ(frames[2].id, "2");
    EXPECT_EQ(frames[2].answer.writes.size(), 1U);
    EXPECT_EQ(frames[3].publish.body, "b4");
    EXPECT_EQ(frames[3].id, "3");
    EXPECT_TRUE(frames[4].answer.ok);
    EXPECT_EQ(frames[5].id, "4");
    EXPECT_FALSE(frames[5].answer.ok);
    EXPECT_EQ(worker_.in_flight(), 0U);
}

TEST_F(LuaWorker, ABatchThatReadARowIsHandledAgainMessageByMessage) {
    ASSERT_EQ(load("function handle_batch(events, ctx) ctx.kv:get('k') end"), "");
    send("1", "a");
    send("2", "b");
    worker_.rest();
    auto calls = heard();
    ASSERT_EQ(calls.size(), 1U) << "the batch";
    worker_.hear(sinks::worker::result_frame(calls[0].call.number, R"("version":0)"));
    calls = heard();
    ASSERT_EQ(calls.size(), 2U);
    for (const auto& call : calls) {
        EXPECT_EQ(call.kind, Kind::call);
        worker_.hear(sinks::worker::result_frame(call.call.number, R"("version":4,"value":"x")"));
    }
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    for (const auto& frame : frames) {
        ASSERT_EQ(frame.answer.reads.size(), 1U);
        EXPECT_EQ(frame.answer.reads[0], (sinks::worker::Read{"k", 4}));
    }
    EXPECT_EQ(frames[1].id, "2");
}

// Nothing of it would be committed.
TEST_F(LuaWorker, ABatchOfWhichNothingIsAcceptedIsHandledOnce) {
    ASSERT_EQ(load("function handle_batch(events, ctx)\n"
                   "  ctx.publish('done', 'x')\n  return false, 'of ' .. #events\nend"),
              "");
    send("1", "a");
    send("2", "b");
    worker_.rest();
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0].answer.error, "of 2");
    EXPECT_EQ(frames[1].answer.error, "of 2");
}

TEST_F(LuaWorker, SaysWhatIsWrongWithAFrame) {
    worker_.hear("nonsense");
    EXPECT_EQ(heard()[0].log.text, "a frame to penstock-lua: the frame is no JSON object");
    worker_.hear(R"({"type":"event","id":"7","event":{"id":5}})");
    const auto frames = heard();
    EXPECT_EQ(frames[0].id, "7");
    EXPECT_EQ(frames[0].answer.error,
              R"(the event cannot be read: "event" is wrong: "id" must be a text)");
    worker_.hear(R"({"type":"newer"})");
    EXPECT_TRUE(heard().empty());
}

TEST_F(LuaWorker, ManyMessagesWaitAtOnceInOneState) {
    ASSERT_EQ(load("function handle(e, ctx) local t = {} for i = 1, 100 do t[i] = i end\n"
                   "  ctx.http:get('x') return {#t} end"),
              "");
    for (int at = 0; at < 200; ++at) send(std::to_string(at), "x");
    for (const auto& call : heard())
        worker_.hear(sinks::worker::failed_result_frame(call.call.number, "x"));
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 200U);
    for (const auto& frame : frames) EXPECT_EQ(frame.answer.result, "[100]");
    EXPECT_EQ(worker_.in_flight(), 0U);
}

TEST_F(LuaWorker, GivesUpWhatNobodyWaitsForAnyMore) {
    ASSERT_EQ(load("function handle(e, ctx) ctx.http:get('x') end"), "");
    send("1", "x");
    const auto calls = heard();
    worker_.rest();
    EXPECT_EQ(worker_.in_flight(), 1U);
    clock_.advance_ms(deadline_ms - clock_.wall_ms() + unanswered_ms_max);
    worker_.rest();
    EXPECT_EQ(heard()[0].answer.error, "the server has not answered a call of the script");
    EXPECT_EQ(worker_.in_flight(), 0U);
    worker_.hear(sinks::worker::failed_result_frame(calls[0].call.number, "late"));
    EXPECT_TRUE(heard().empty());
    send("2", "x");
    EXPECT_EQ(heard()[0].kind, Kind::call) << "the state is in order";
}

TEST_F(LuaWorker, AnOldStateIsMadeAnewWhenNothingRunsInIt) {
    ASSERT_EQ(
        load("local n = 0\nfunction handle(e, ctx)\n"
             "  n = n + 1\n  if e.body == 'wait' then ctx.http:get('x') end\n  return {n}\nend"),
        "");
    for (std::uint64_t at = 0; at < state_uses_min; ++at) send("1", "x");
    EXPECT_EQ(handle("x").answer.result, "[1025]") << "used much, but young";
    clock_.advance_us(state_age_max_us);
    send("2", "wait");
    const auto call = heard().back();
    EXPECT_EQ(call.kind, Kind::call);
    worker_.hear(sinks::worker::failed_result_frame(call.call.number, "x"));
    EXPECT_EQ(heard().back().answer.result, "[1]") << "made anew";
    clock_.advance_us(state_age_max_us);
    EXPECT_EQ(handle("x").answer.result, "[2]") << "old, but hardly used";
}

TEST_F(LuaWorker, ABrokenBudgetEndsItsMessageAndNoOther) {
    ASSERT_EQ(load("function handle(e, ctx)\n"
                   "  if e.body == 'loop' then while true do end end\n"
                   "  ctx.http:get('x')\n  return e.body\nend"),
              "");
    send("1", "calm");
    send("2", "loop");
    const auto frames = heard();
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[1].kind, Kind::tripped);
    EXPECT_EQ(frames[1].id, "2");
    EXPECT_EQ(frames[1].answer.error, "handler:2: the budget of 50000000 instructions is used up");
    EXPECT_GT(breaths_, 1'000) << "what was ready could go out meanwhile";
    worker_.hear(sinks::worker::failed_result_frame(frames[0].call.number, "x"));
    EXPECT_EQ(heard()[0].answer.result, R"("calm")");
}

TEST_F(LuaWorker, AStateFullOfWhatAScriptKeptIsMadeAnew) {
    ASSERT_EQ(load("local kept, n = {}, 0\nfunction handle(e, ctx)\n  n = n + 1\n"
                   "  while e.body == 'hoard' do kept[#kept + 1] = {} end\n  return {n}\nend"),
              "");
    EXPECT_EQ(handle("x").answer.result, "[1]");
    const Heard tripped = handle("hoard");
    EXPECT_EQ(tripped.kind, Kind::tripped);
    EXPECT_EQ(tripped.answer.error, "the memory budget of 16 MiB is used up");
    EXPECT_EQ(handle("x").answer.result, "[1]");
}

TEST_F(LuaWorker, ABodyAsBigAsTheCapIsStillHandled) {
    const std::string body = "\"" + std::string(8 << 20, 'a') + "\"";
    EXPECT_EQ(result_of("return {#event.body, #event:json()}", body), "[8388610,8388608]");
}

}  // namespace
}  // namespace penstock::lua
