// What `--check` and `--test` say, and the command line.
#include "lua/dry_run.h"

#include "lua/budget.h"
#include "lua/command_line.h"
#include "lua/cpu_watch.h"
#include "lua/global_names.h"
#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

namespace penstock::lua {
namespace {

using Lines = std::vector<std::string>;

class LuaDryRun : public ::testing::Test {
  protected:
    LuaDryRun() { EXPECT_TRUE(CpuWatch::arm(&budget_hook)); }

    CheckReport check(const std::string& code, const std::string& role = "handler") {
        return check_script({role, 1, code, "orders.lua"}, Limits{}, clock_);
    }

    std::string test(const std::string& code,
                     const std::string& event,
                     const Fixtures& fixtures = {},
                     const std::string& role = "handler") {
        const auto report =
            test_script({role, 1, code, "orders.lua"}, event, fixtures, Limits{}, clock_);
        return report ? report->json : report.error().detail;
    }

    testing::ManualClock clock_;
};

TEST_F(LuaDryRun, ACheckNamesWhatIsWrongByLine) {
    EXPECT_TRUE(check("function handle() end").lines.empty());
    const CheckReport broken = check("function handle()\n  return (\nend");
    EXPECT_TRUE(broken.failed);
    EXPECT_EQ(broken.lines, Lines{"orders.lua:3: unexpected symbol near 'end'"});
    EXPECT_EQ(check("x = 1").lines,
              Lines{"orders.lua:1: the file defines no function handle(event, ctx)"});
    EXPECT_EQ(check("x = 1", "filter").lines,
              Lines{"orders.lua:1: the file defines no function filter(event)"});
    EXPECT_EQ(check("local x = nil + 1").lines,
              Lines{"orders.lua:1: attempt to perform arithmetic on a nil value"});
}

TEST_F(LuaDryRun, ACheckWarnsOfGlobalsThatAreNeverSet) {
    const CheckReport report = check(
        "local json_ = json\n"
        "helper = function() return cont end\n"
        "function handle(event, ctx)\n"
        "  local own = 1\n"
        "  helper(own, string.rep('x', 2), misspelt, require)\n"
        "  return misspelt\n"
        "end");
    EXPECT_FALSE(report.failed);
    EXPECT_EQ(report.lines,
              (Lines{"orders.lua:2: global 'cont' is never set and is no part of the sandbox",
                     "orders.lua:5: global 'misspelt' is never set and is no part of the sandbox",
                     "orders.lua:5: global 'require' is never set and is no part of the sandbox"}));
}

TEST_F(LuaDryRun, GlobalsAreFoundAtTheirLinesInLongFiles) {
    std::string code;
    for (int at = 1; at < 400; ++at)
        code += "local function f" + std::to_string(at) + "() return " + std::to_string(at) +
                " end f" + std::to_string(at) + " = nil\n" + (at == 150 ? "do end\n" : "");
    EXPECT_TRUE(global_uses(code, "x").empty()) << "it does not compile: too many locals";
    code = "function handle()\n";
    for (int at = 2; at < 600; ++at)
        code += "  local a = 'text number " + std::to_string(at) + "' do local b end\n";
    EXPECT_TRUE(global_uses(code + "end\n", "x").empty());
    code = "function handle()\n" + std::string(500, '\n') + "  return here\nend\n";
    const auto uses = global_uses(code, "x");
    ASSERT_EQ(uses.size(), 2U);
    EXPECT_TRUE(uses[0].write);
    EXPECT_EQ(uses[0].name, "handle");
    EXPECT_EQ(uses[1].name, "here");
    EXPECT_EQ(uses[1].line, 502);
}

TEST_F(LuaDryRun, ATestShowsWhatWouldHappen) {
    const std::string code =
        "function handle(event, ctx)\n"
        "  local r = ctx.http:get('http://stock/7', {headers = {a = 'b'}})\n"
        "  ctx.log.info('stock %d', r:json().n)\n"
        "  ctx.publish('done', {body = event.body, tags = {'t'}, delay = 2})\n"
        "  ctx.kv:put('last', ctx.kv:get('first') or 'none', {ttl = 1})\n"
        "  ctx.kv:incr('n', 2)\n"
        "  return {status = r.status}\n"
        "end";
    EXPECT_EQ(
        test(code,
             R"({"body":"x"})",
             {R"({"first":"f","n":40})", R"({"GET http://stock/7":{"json":{"n":3}}})"}),
        R"({"outcome":"accepted","result":{"status":200},)"
        R"("logs":[{"level":"info","text":"stock 3"}],)"
        R"("publishes":[{"topic":"done","body":"x","tags":["t"],"routing_key":"",)"
        R"("ordering_key":"","content_type":"","delay_ms":2000}],)"
        R"("writes":[{"key":"last","value":"f","ttl_ms":1000},{"key":"n","value":"42"}],)"
        R"("http":[{"method":"GET","url":"http://stock/7","headers":{"a":"b"},"idempotency":1}]})");
}

TEST_F(LuaDryRun, ATestShowsFailuresAndNothingOfTheirEffects) {
    EXPECT_EQ(test("function handle(e, ctx) ctx.publish('t', 'x')\n"
                   "  local r, err = ctx.http:get('http://x') return ctx.retry{after = 3, reason = "
                   "err} end",
                   "{}"),
              R"({"outcome":"retry","error":"no http fixture for GET http://x",)"
              R"("retry_after_ms":3000,"logs":[],"publishes":[],"writes":[],)"
              R"("http":[{"method":"GET","url":"http://x","headers":{},"idempotency":1}]})");
    EXPECT_EQ(test("function handle() return ctx.dead() end", "{}"),
              "{\"outcome\":\"retry\",\"error\":\"orders.lua:1: attempt to index a nil value "
              "(global 'ctx')\",\"logs\":[],\"publishes\":[],\"writes\":[],\"http\":[]}");
    EXPECT_EQ(test("function handle(e, c) return c.dead('x') end", "{}").substr(0, 31),
              R"({"outcome":"dead","error":"x",")");
    EXPECT_EQ(test("function filter(e) return false end", "{}", {}, "filter").substr(0, 38),
              R"({"outcome":"accepted","result":false,")");
    EXPECT_EQ(
        test("function handle_batch(es, c) return {es[1].id} end", R"({"id":"m"})").substr(0, 19),
        R"({"outcome":"retry",)");
}

TEST_F(LuaDryRun, AKeyWrittenAgainIsNoFurtherKey) {
    const std::string accepted = R"({"outcome":"accepted",)";
    const std::string keys = test(
        "function handle(e, ctx)\n"
        "  for round = 1, 2 do\n"
        "    for at = 1, 100 do ctx.kv:put('k' .. at, round) end\n"
        "  end\n"
        "  ctx.kv:add('k1') ctx.kv:incr('k2') ctx.kv:delete('k3')\n"
        "end",
        "{}");
    EXPECT_EQ(keys.substr(0, accepted.size()), accepted) << "100 keys are all that may be";
    const std::string bytes = test(
        "local value = string.rep('x', 65536)\n"
        "function handle(e, ctx)\n"
        "  for round = 1, 2 do\n"
        "    for at = 1, 15 do ctx.kv:put('k' .. at, value) end\n"
        "  end\n"
        "end",
        "{}");
    EXPECT_EQ(bytes.substr(0, accepted.size()), accepted) << "what was written before is gone";
}

TEST_F(LuaDryRun, WhatNoFrameCarriesIsAFailureInWords) {
    const auto says = [this](const std::string& code, const std::string& words) {
        const std::string report =
            test("function handle(event, ctx)\n" + code + "\nend", R"({"body":"x"})");
        return report.size() < 8'192 && report.find(words) != std::string::npos;
    };
    const std::string list = "local t = {} for at = 1, 50000 do t[at] = at end\n";
    EXPECT_TRUE(says(list + "return t",
                     "handle returned a result of more than 49936 JSON values; return it as text: "
                     "json.encode(value)"));
    const std::string fits = "local t = {} for at = 1, 49900 do t[at] = at end\n";
    EXPECT_TRUE(says(fits + "ctx.kv:put('k', 1) ctx.kv:put('l', 1) ctx.kv:put('m', 1)\n"
                            "ctx.kv:put('n', 1) ctx.kv:put('o', 1) return t",
                     "more than 49896 JSON values"));
    const std::string whole = test("function handle()\n" + fits + "return t\nend", "{}");
    EXPECT_EQ(whole.substr(0, 22), R"({"outcome":"accepted",)") << "as long as a frame may be";
    EXPECT_TRUE(says("ctx.http:get('http://x/' .. ('x'):rep(40000))", "at most 32768"));
    EXPECT_TRUE(
        says("ctx.http:get('http://x/', {headers = {a = ('x'):rep(40000)}})", "at most 32768"));
    EXPECT_TRUE(says("ctx.publish('t', {body = 'x', routing_key = ('k'):rep(20000)})",
                     "names, tags and keys of 20001 bytes; at most 16384"));
    EXPECT_TRUE(says("return ctx.dead(('x'):rep(100000))", R"({"outcome":"dead","error":"xxx)"));
    EXPECT_TRUE(
        says("return ctx.retry{reason = ('x'):rep(100000)}", R"({"outcome":"retry","error":"xxx)"));
    const std::string text =
        test("function handle()\n" + list + "return json.encode(t)\nend", "{}");
    EXPECT_EQ(text.substr(0, 22), R"({"outcome":"accepted",)") << "one value, however long";
}

TEST_F(LuaDryRun, LogLinesAreBoundedWhileAScriptIsLoadedToo) {
    const std::string report =
        test("for at = 1, 3000 do print(at) end\nfunction handle() end", "{}");
    EXPECT_NE(report.find(R"({"level":"info","text":"1000"},)"
                          R"({"level":"warn","text":"further log lines of loading are dropped"}])"),
              std::string::npos);
    EXPECT_EQ(report.find(R"("text":"1001")"), std::string::npos);
}

TEST_F(LuaDryRun, ATestNamesInputThatCannotBeUsed) {
    const std::string code = "function handle() end";
    EXPECT_EQ(test(code, "x"), "an event must be one JSON object");
    EXPECT_EQ(test(code, R"({"tags":1})"), R"(the event's "tags" must be a list of texts)");
    EXPECT_EQ(test(code, "{}", {"[]", ""}), "the kv fixture is no JSON object");
    EXPECT_EQ(test(code, "{}", {"", "x"}), "the http fixture is no JSON object");
    EXPECT_EQ(test("x", "{}"), "orders.lua:1: syntax error near <eof>");
}

TEST(LuaCommandLine, ReadsItsOptions) {
    const auto line =
        read_command_line({"--memory", "8", "--instructions", "1000", "--wall-ms", "50"});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->mode, CommandLine::Mode::serve);
    EXPECT_EQ(line->limits.memory_bytes, 8U << 20);
    EXPECT_EQ(line->limits.instructions, 1'000);
    EXPECT_EQ(line->limits.cpu_ms, 50);
    const auto test = read_command_line(
        {"--test", "a.lua", "--event", "e.json", "--kv", "k", "--http", "h", "--role", "filter"});
    ASSERT_TRUE(test);
    EXPECT_EQ(test->mode, CommandLine::Mode::test);
    EXPECT_EQ(test->file + test->event + test->kv + test->http + test->role, "a.luae.jsonkhfilter");
    EXPECT_EQ(read_command_line({"--help"})->mode, CommandLine::Mode::help);
}

TEST(LuaCommandLine, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ(read_command_line({"--bogus", "x"}).error().detail, "unknown option '--bogus'");
    EXPECT_EQ(read_command_line({"--check"}).error().detail,
              "'--check' is unknown or wants a value");
    EXPECT_EQ(read_command_line({"--memory", "0"}).error().detail,
              "--memory takes a number from 1 to 1024");
    EXPECT_EQ(read_command_line({"--wall-ms", "1x"}).error().detail,
              "--wall-ms takes a number from 1 to 3600000");
    EXPECT_EQ(read_command_line({"--test", "a"}).error().detail, "--test needs --event FILE");
    EXPECT_EQ(read_command_line({"--check", "a", "--role", "x"}).error().detail,
              "--role takes handler, filter or transform");
}

}  // namespace
}  // namespace penstock::lua
