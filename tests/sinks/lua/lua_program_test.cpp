// The real penstock-lua behind the Lua sink and the stage.
#include "sinks/lua/lua_pools.h"
#include "sinks/lua/lua_trials.h"
#include "sinks/lua/stage.h"
#include "tests/support/fake_dispatch.h"
#include "tests/support/run_until.h"
#include "tests/support/scripted_server.h"
#include "tests/support/spawn_launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::lua {
namespace {

using model::Failure;
using model::ScriptRole;
using model::Verdict;
using ::testing::HasSubstr;

// Keeps what it was given and accepts it.
struct LastBody final : Sink {
    explicit LastBody(std::string& kept) : body(kept) {}

    void deliver(const api::Target&, const api::Delivery& delivery, Done done) override {
        body = delivery.payload;
        done({});
    }

    void forget(const api::Target&) override {}

    void stop() override {}

    std::string& body;
};

class LuaProgramTest : public ::testing::Test {
  protected:
    LuaProgramTest() {
        LuaOptions options;
        options.program.path = PENSTOCK_LUA;
        options.client.addresses = client::AddressPolicy::any;
        pools_ = std::move(*LuaPools::make(workshop_, dispatch_, options));
        sink_ = std::make_unique<LuaSink>(pools_);
        target_.subscription = model::SubscriptionNo{7};
        target_.topic = "orders";
        target_.name = "score";
        target_.spec.sink = model::SinkKind::lua;
        target_.spec.function.memory_mib = 16;
    }

    ~LuaProgramTest() override {
        pools_->stop();
        testing::run_until(context_, [&]() { return launcher_.running() == 0; });
    }

    void deploy(ScriptRole role, const std::string& code, std::uint32_t version = 1) {
        model::Script script;
        script.role = role;
        script.version = version;
        script.code = code;
        target_.scripts[role] = std::make_shared<const model::Script>(script);
    }

    void deliver(Sink& sink, std::uint64_t id, const std::string& payload) {
        api::Delivery& delivery = deliveries_.emplace_back();
        delivery.subscription = target_.subscription;
        delivery.message = model::MessageId(id);
        delivery.payload = payload;
        sink.deliver(target_, delivery, [this, id](AttemptResult result) {
            results_.insert_or_assign(id, std::move(result));
        });
    }

    AttemptResult handled(std::uint64_t id, const std::string& payload = "hello") {
        return handled(*sink_, id, payload);
    }

    AttemptResult handled(Sink& sink, std::uint64_t id, const std::string& payload) {
        deliver(sink, id, payload);
        EXPECT_TRUE(testing::run_until(context_, [&]() { return results_.count(id) > 0; }));
        return results_[id];
    }

    boost::asio::io_context context_{1};
    SystemClock clock_;
    SeededRandom random_{1};
    testing::SpawnLauncher launcher_{context_};
    testing::FakeDispatch dispatch_;
    worker::LogBook log_book_{context_.get_executor(), clock_, launcher_};
    worker::Workshop workshop_{context_.get_executor(), clock_, random_, launcher_, log_book_, {}};
    std::unique_ptr<testing::ScriptedServer> server_;  // lives as long as the context runs
    std::shared_ptr<LuaPools> pools_;
    std::unique_ptr<Sink> sink_;
    api::Target target_;
    std::deque<api::Delivery> deliveries_;
    std::map<std::uint64_t, AttemptResult> results_;
};

TEST_F(LuaProgramTest, AHandlersEffectsComeWithItsAcceptance) {
    dispatch_.kv["sum"] = {3, "40"};
    deploy(ScriptRole::handler, R"(
function handle(event, ctx)
  local order = event:json()
  ctx.kv:incr("sum", order.amount)
  ctx.publish("done", {json = {id = event.id, total = order.amount}, tags = {"paid"}})
end)");
    const AttemptResult result = handled(1, R"({"amount":2})");
    EXPECT_EQ(result.verdict, Verdict::accepted) << result.excerpt;
    EXPECT_EQ(result.version, 1U);
    ASSERT_TRUE(result.effects);
    EXPECT_EQ(result.effects->reads, (std::vector<model::KvRead>{{"sum", 3}}));
    ASSERT_EQ(result.effects->writes.size(), 1U);
    EXPECT_EQ(result.effects->writes[0].value, "42");
    ASSERT_EQ(result.effects->outputs.size(), 1U);
    EXPECT_EQ(result.effects->outputs[0].topic, "done");
    EXPECT_THAT(result.effects->outputs[0].message.payload, HasSubstr(R"("total":2)"));
}

TEST_F(LuaProgramTest, RetryDeadAndDropAreVerdicts) {
    deploy(ScriptRole::handler, R"(
function handle(event, ctx)
  if event.body == "later" then return ctx.retry{after = 5, reason = "no stock"} end
  if event.body == "never" then return ctx.dead("bad order") end
  if event.body == "noise" then return ctx.drop() end
  error("unknown body")
end)");
    const AttemptResult later = handled(1, "later");
    EXPECT_EQ(later.verdict, Verdict::retry);
    EXPECT_EQ(later.retry_after_ms, 5'000U);
    EXPECT_EQ(later.excerpt, "no stock");
    EXPECT_EQ(handled(2, "never").verdict, Verdict::rejected);
    EXPECT_EQ(handled(3, "noise").verdict, Verdict::discarded);
    const AttemptResult failed = handled(4, "other");
    EXPECT_EQ(failed.verdict, Verdict::retry);
    EXPECT_EQ(failed.failure, Failure::handler);
    EXPECT_THAT(failed.excerpt, HasSubstr("unknown body"));
}

TEST_F(LuaProgramTest, ItsHttpCallsAreMadeByTheServer) {
    server_ = std::make_unique<testing::ScriptedServer>(
        context_, std::vector<testing::Script>{testing::always(testing::ok_answer)});
    const testing::ScriptedServer& server = *server_;
    target_.spec.function.http_allow = {"127.0.0.1"};
    deploy(ScriptRole::handler,
           R"(
function handle(event, ctx)
  local answer, problem = ctx.http:post(")" +
               server.url("/api") + R"(", {json = {a = 1}})
  if not answer then error(problem) end
  local refused, why = ctx.http:get("http://elsewhere.example/")
  ctx.publish("seen", answer.status .. " " .. answer.body .. "; " .. tostring(why))
end)");
    const AttemptResult result = handled(5);
    ASSERT_TRUE(result.effects) << result.excerpt;
    ASSERT_EQ(result.effects->outputs.size(), 1U);
    EXPECT_EQ(result.effects->outputs[0].message.payload,
              "200 ok; this function may not ask the host elsewhere.example: its http_allow list "
              "does not have it");
    ASSERT_EQ(server.requests.size(), 1U);
    EXPECT_THAT(server.requests[0], HasSubstr("\r\nIdempotency-Key: penstock-7-5-1-1\r\n"));
    EXPECT_THAT(server.requests[0], HasSubstr("\r\n\r\n{\"a\":1}"));
}

TEST_F(LuaProgramTest, ASyntaxErrorNamesTheLineAndDisables) {
    deploy(ScriptRole::handler, "function handle(event, ctx)\n  local x = = 1\nend");
    const AttemptResult result = handled(1);
    EXPECT_EQ(result.failure, Failure::configuration);
    EXPECT_THAT(result.disable, HasSubstr("orders/score: the handler script does not load: "));
    EXPECT_THAT(result.disable, HasSubstr(":2: "));
}

TEST_F(LuaProgramTest, AnEndlessLoopIsABudgetAndTheNextMessageIsHandled) {
    target_.spec.timeout_ms = 5'000;
    deploy(ScriptRole::handler,
           "function handle(event) if event.body == 'loop' then while true do end end end");
    const AttemptResult result = handled(1, "loop");
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::budget);
    EXPECT_EQ(handled(2, "fine").verdict, Verdict::accepted);
}

TEST_F(LuaProgramTest, ABrokenNewVersionLeavesTheOldOneRunning) {
    deploy(ScriptRole::handler, "function handle() end");
    EXPECT_EQ(handled(1).version, 1U);
    deploy(ScriptRole::handler, "function handle( end", 2);
    EXPECT_EQ(handled(2).version, 1U);
    deploy(ScriptRole::handler, "function handle() return false, 'new' end", 3);
    const AttemptResult result = handled(3);
    EXPECT_EQ(result.version, 3U);
    EXPECT_EQ(result.excerpt, "new");
    EXPECT_EQ(launcher_.started, 1U);
}

TEST_F(LuaProgramTest, FiltersAndTransformsStandBeforeAnySink) {
    target_.spec.sink = model::SinkKind::http;
    deploy(ScriptRole::filter, "function filter(event) return event:json().amount > 10 end");
    deploy(ScriptRole::transform,
           "function transform(event) return {twice = event:json().amount * 2} end");
    std::string body;
    StagedSink staged(std::make_unique<LastBody>(body), pools_);
    EXPECT_EQ(handled(staged, 1, R"({"amount":3})").verdict, Verdict::discarded);
    EXPECT_EQ(body, "");
    const AttemptResult passed = handled(staged, 2, R"({"amount":30})");
    EXPECT_EQ(passed.verdict, Verdict::accepted) << passed.excerpt;
    EXPECT_EQ(body, R"({"twice":60})");
    const AttemptResult failed = handled(staged, 3, "no json");
    EXPECT_EQ(failed.verdict, Verdict::retry);
    EXPECT_EQ(failed.failure, Failure::handler);
    EXPECT_EQ(launcher_.started, 1U);
}

double cpu_us(const ::timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

double own_cpu_us() {
    ::rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return cpu_us(usage.ru_utime) + cpu_us(usage.ru_stime);
}

TEST_F(LuaProgramTest, TheSinksShareOfAMessageIsSmall) {
    constexpr std::uint64_t messages = 20'000;
    constexpr std::uint64_t in_flight = 256;
    deploy(ScriptRole::handler, R"(
function handle(event, ctx)
  local order = event:json()
  order.seen = true
  ctx.publish("done", {json = order})
end)");
    const std::string payload = R"({"amount":1,"text":")" + std::string(1'000, 'x') + "\"}";
    ASSERT_EQ(handled(0, payload).verdict, Verdict::accepted);
    const double cpu_before = own_cpu_us();
    const auto begin = std::chrono::steady_clock::now();
    std::uint64_t sent = 0;
    EXPECT_TRUE(testing::run_until(
        context_,
        [&]() {
            while (sent < messages && sent + 1 - results_.size() < in_flight) {
                deliver(*sink_, ++sent, payload);
            }
            return results_.size() == messages + 1;
        },
        std::chrono::seconds(60)));
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    std::printf("lua: %.0f messages/s, %.1f us of the server's processor a message\n",
                messages / spent.count(),
                (own_cpu_us() - cpu_before) / messages);
    for (const auto& [id, result] : results_) ASSERT_EQ(result.verdict, Verdict::accepted) << id;
}

TEST_F(LuaProgramTest, AScriptIsTriedBeforeItIsUsed) {
    LuaTrials trials(context_.get_executor(), clock_, launcher_, LuaProgram{PENSTOCK_LUA});
    const auto tried = [&](const std::string& code, ScriptRole role) {
        model::Script script;
        script.role = role;
        script.code = code;
        script.file = "score.lua";
        std::optional<api::ScriptTrial> end;
        trials.load(script, 16, [&end](api::ScriptTrial trial) { end = std::move(trial); });
        EXPECT_TRUE(testing::run_until(context_, [&]() { return end.has_value(); }));
        return end.value_or(api::ScriptTrial());
    };
    using Kind = api::ScriptTrial::Kind;
    const auto good = tried("function handle() end", ScriptRole::handler);
    EXPECT_EQ(good.kind, Kind::loads) << good.detail;
    const auto bad = tried("function handle(\n  return 1\nend", ScriptRole::handler);
    EXPECT_EQ(bad.kind, Kind::fails);
    EXPECT_THAT(bad.detail, ::testing::StartsWith("score.lua:2: "));
    const auto other = tried("function handle() end", ScriptRole::filter);
    EXPECT_EQ(other.kind, Kind::fails);
    EXPECT_EQ(other.detail, "score.lua:1: the file defines no function filter(event)");
    EXPECT_TRUE(testing::run_until(context_, [&]() { return launcher_.running() == 0; }))
        << "no process stays";
}

}  // namespace
}  // namespace penstock::sinks::lua
