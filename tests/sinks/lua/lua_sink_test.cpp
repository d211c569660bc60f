#include "tests/sinks/lua/lua_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace penstock::sinks::lua {
namespace {

using model::Failure;
using model::ScriptRole;
using model::Verdict;
using Kind = testing::FakeLua::Order::Kind;
using Order = testing::FakeLua::Order;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class LuaSinkTest : public LuaFixture {
  protected:
    LuaSinkTest() { deploy(ScriptRole::handler, 1, "function handle() end"); }

    void answers(testing::FakeLua& lua, const std::string& members) {
        lua.on_event = [&lua, members](const Order& order) {
            lua.say(R"({"id":")" + order.id + R"(",)" + members + "}");
        };
    }

    std::string log_text() {
        std::string text;
        bool answered = false;
        log_book_.logs({target_.subscription, 0, 1000}, [&](const api::FunctionLogPage& page) {
            for (const auto& line : page.lines) text += line.level + ": " + line.text + "\n";
            answered = true;
        });
        EXPECT_TRUE(until([&]() { return answered; }));
        return text;
    }

    LuaSink sink_{pools_};
};

TEST_F(LuaSinkTest, StartsPenstockLuaWithItsBudgetsAndItsScript) {
    deploy(ScriptRole::filter, 9);  // not the handler's business
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    EXPECT_EQ(result(1).verdict, Verdict::accepted);
    const auto& order = launcher_.processes.at(1).order;
    EXPECT_EQ(order.command.front(), "/opt/penstock-lua");
    EXPECT_TRUE(order.only_computes);
    EXPECT_EQ(order.function, 7U);
    const auto scripts = lua.heard(Kind::script);
    ASSERT_EQ(scripts.size(), 1U);
    EXPECT_EQ(scripts[0].script.role, "handler");
    EXPECT_EQ(scripts[0].script.version, 1U);
    EXPECT_EQ(scripts[0].script.code, "function handle() end");
}

TEST_F(LuaSinkTest, TheEventHasWhatTheMessageHas) {
    api::Delivery& delivery = deliveries_[1];
    delivery.attempt = 3;
    delivery.published_ms = 1'700'000'000'123;
    delivery.meta.tags = {"a"};
    delivery.meta.routing_key = "eu.paid";
    delivery.meta.ordering_key = "k";
    delivery.meta.content_type = "text/x";
    delivery.meta.attributes = {{"trace", "t"}};
    deliver(sink_, 1, "body\xff");
    EXPECT_EQ(result((process(), 1)).verdict, Verdict::accepted);
    const auto events = process().heard(Kind::event);
    ASSERT_EQ(events.size(), 1U);
    worker::Event expected;
    expected.id = "1";
    expected.topic = "orders";
    expected.subscription = "score";
    expected.tags = {"a"};
    expected.routing_key = "eu.paid";
    expected.ordering_key = "k";
    expected.attempt = 3;
    expected.published_ms = 1'700'000'000'123;
    expected.headers = {{"trace", "t"}};
    expected.content_type = "text/x";
    expected.body = "body\xff";
    EXPECT_EQ(events[0].event, expected);
    EXPECT_GT(events[0].deadline_ms, clock_.wall_ms());
}

TEST_F(LuaSinkTest, WhatTheHandlerWantsComesWithTheAcceptance) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&lua](const Order& order) {
        const std::string id = R"("id":")" + order.id + '"';
        lua.say(R"({"type":"publish",)" + id +
                R"(,"topic":"done","json":{"n":1},"tags":["t"],"delay_ms":30})");
        lua.say(R"({"type":"publish",)" + id + R"(,"queue":"q","body":"plain"})");
        lua.say("{" + id +
                R"(,"ok":true,"writes":[{"key":"a","value":"1","ttl_ms":5},{"key":"b","add":2},)"
                R"({"key":"c","delete":true}],"reads":[{"key":"a","version":4}]})");
    };
    const AttemptResult accepted = result(1);
    EXPECT_EQ(accepted.verdict, Verdict::accepted);
    EXPECT_EQ(accepted.version, 1U);
    ASSERT_TRUE(accepted.effects);
    ASSERT_EQ(accepted.effects->outputs.size(), 2U);
    EXPECT_EQ(accepted.effects->outputs[0].topic, "done");
    EXPECT_EQ(accepted.effects->outputs[0].message.payload, R"({"n":1})");
    EXPECT_THAT(accepted.effects->outputs[0].message.meta.tags, ElementsAre("t"));
    EXPECT_EQ(accepted.effects->outputs[0].delay_ms, 30U);
    EXPECT_EQ(accepted.effects->outputs[1].queue, "q");
    EXPECT_EQ(accepted.effects->outputs[1].message.payload, "plain");
    using Write = model::KvWrite;
    EXPECT_THAT(accepted.effects->writes,
                ElementsAre(Write{Write::Kind::put, "a", "1", 0, 5},
                            Write{Write::Kind::add, "b", "", 2, 0},
                            Write{Write::Kind::erase, "c", "", 0, 0}));
    EXPECT_THAT(accepted.effects->reads, ElementsAre(model::KvRead{"a", 4}));
}

TEST_F(LuaSinkTest, WhatADroppedMessagePublishedAndWroteGoesOut) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&lua](const Order& order) {
        lua.say(R"({"type":"publish","id":")" + order.id + R"(","topic":"noise","body":"x"})");
        lua.say(R"({"id":")" + order.id +
                R"(","ok":true,"dropped":true,"writes":[{"key":"a","value":"1"}]})");
    };
    const AttemptResult dropped = result(1);
    EXPECT_EQ(dropped.verdict, Verdict::discarded);
    ASSERT_TRUE(dropped.effects);
    ASSERT_EQ(dropped.effects->outputs.size(), 1U);
    EXPECT_EQ(dropped.effects->outputs[0].topic, "noise");
    EXPECT_EQ(dropped.effects->writes.size(), 1U);
}

TEST_F(LuaSinkTest, AnswersAreClassified) {
    struct Case {
        std::string members;
        Verdict verdict;
        Failure failure;
        std::uint32_t retry_after_ms;
        std::string excerpt;
    };

    const std::vector<Case> cases = {
        {R"("ok":true,"dropped":true)", Verdict::discarded, Failure::none, 0, ""},
        {R"("ok":false,"error":"no\nstock","retry_after_ms":5000)",
         Verdict::retry,
         Failure::handler,
         5000,
         "no stock"},
        {R"("ok":false,"error":"never","dead":true)",
         Verdict::rejected,
         Failure::handler,
         0,
         "never"},
        {R"("ok":false)",
         Verdict::retry,
         Failure::handler,
         0,
         "the script failed without a reason"},
        {R"("type":"tripped","error":"more than 50000000 instructions")",
         Verdict::retry,
         Failure::budget,
         0,
         "more than 50000000 instructions"},
    };
    std::uint64_t id = 0;
    for (const Case& each : cases) {
        deliver(sink_, ++id);
        answers(process(), each.members);
        const AttemptResult got = result(id);
        EXPECT_EQ(got.verdict, each.verdict) << each.members;
        EXPECT_EQ(got.failure, each.failure) << each.members;
        EXPECT_EQ(got.retry_after_ms, each.retry_after_ms) << each.members;
        EXPECT_EQ(got.excerpt, each.excerpt) << each.members;
        EXPECT_FALSE(got.effects);
    }
}

TEST_F(LuaSinkTest, MoreThanTheCoreTakesIsRefusedHere) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&lua](const Order& order) {
        for (int count = 0; count < 102; ++count) {
            lua.say(R"({"type":"publish","id":")" + order.id + R"(","topic":"t","body":""})");
        }
        lua.say(R"({"id":")" + order.id + R"(","ok":true})");
    };
    EXPECT_EQ(result(1).failure, Failure::output_refused);
    EXPECT_EQ(result(1).excerpt, "more than 100 messages published for one");
    lua.on_event = [&lua](const Order& order) {
        const std::size_t second = order.id == "2" ? 524'288 : 524'289;
        for (const std::size_t size : {std::size_t{524'288}, second}) {
            lua.say(R"({"type":"publish","id":")" + order.id + R"(","topic":"t","body":")" +
                    std::string(size, 'x') + "\"}");
        }
        const std::string dropped = order.id == "4" ? R"(,"dropped":true)" : "";
        lua.say(R"({"id":")" + order.id + R"(","ok":true)" + dropped + "}");
    };
    for (std::uint64_t id = 2; id <= 4; ++id) deliver(sink_, id);
    EXPECT_EQ(result(2).verdict, Verdict::accepted) << "1 MiB";
    for (const std::uint64_t id : {3, 4}) {
        EXPECT_EQ(result(id).failure, Failure::output_refused);
        EXPECT_EQ(result(id).excerpt, "more than 1 MiB published for one message");
    }
    lua.on_event = [&lua](const Order& order) {
        lua.say(R"({"type":"publish","id":")" + order.id +
                R"(","topic":"t","body":"x","ordering_key":")" + std::string(1'048'577, 'k') +
                "\"}");
        lua.say(R"({"id":")" + order.id + R"(","ok":true})");
    };
    deliver(sink_, 5);
    EXPECT_EQ(result(5).excerpt, "more than 1 MiB published for one message") << "of a key alone";
}

TEST_F(LuaSinkTest, AnAnswerWithAllThatAScriptMayGiveIsRead) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&lua](const Order& order) {
        std::string value;
        for (int at = 0; at < 65'536; ++at) value += R"(\")";
        std::string answer = R"({"id":")" + order.id + R"(","ok":true,"result":")" +
                             std::string(1'048'574, 'x') + R"(","writes":[)";
        for (int key = 0; key < 15; ++key) {
            answer += key == 0 ? "" : ",";
            answer += R"({"key":"k)" + std::to_string(key) + R"(","value":")" + value + "\"}";
        }
        lua.say(answer + "]}");
    };
    const AttemptResult got = result(1);
    EXPECT_EQ(got.verdict, Verdict::accepted) << got.excerpt;
    ASSERT_TRUE(got.effects);
    EXPECT_EQ(got.effects->writes.size(), 15U);
}

TEST_F(LuaSinkTest, ManyMessagesAreInFlightInOneProcess) {
    for (std::uint64_t id = 1; id <= 100; ++id) deliver(sink_, id);
    testing::FakeLua& lua = process();
    lua.on_event = [](const Order&) {
    };
    EXPECT_TRUE(until([&]() { return events(lua) == 64; }));
    lua.on_event = [&lua](const Order& order) {
        lua.say(R"({"id":")" + order.id + R"(","ok":true})");
    };
    for (const Order& order : lua.heard(Kind::event)) lua.on_event(order);
    EXPECT_TRUE(until([&]() { return results_.size() == 100; }));
    EXPECT_EQ(launcher_.last, 1U);
}

TEST_F(LuaSinkTest, AScriptIsSentWithTheNameOfItsFile) {
    model::Script script;
    script.version = 4;
    script.code = "x = 1";
    script.file = "handler.lua";
    target_.scripts[model::ScriptRole::handler] = std::make_shared<const model::Script>(script);
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    std::string name;
    lua.on_script = [&name](const Order& order) {
        name = order.script.name;
    };
    ASSERT_TRUE(until([&]() { return !name.empty(); }));
    EXPECT_EQ(name, "handler.lua");
}

TEST_F(LuaSinkTest, AScriptThatDoesNotLoadDisablesTheSubscription) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_script = [&lua](const Order&) {
        lua.say(R"({"type":"loaded","role":"handler","version":1,)"
                R"("error":"handler:1: '=' expected near 'x'"})");
    };
    const AttemptResult got = result(1);
    EXPECT_EQ(got.verdict, Verdict::not_attempted);
    EXPECT_EQ(got.failure, Failure::configuration);
    EXPECT_EQ(got.disable,
              "orders/score: the handler script does not load: handler:1: '=' expected near 'x'; "
              "deploy one that does: penstock fn deploy orders/score FILE; then: penstock sub "
              "resume orders/score");
}

TEST_F(LuaSinkTest, ANewVersionIsSentToTheRunningProcess) {
    deliver(sink_, 1);
    EXPECT_EQ(result((process(), 1)).version, 1U);
    deploy(ScriptRole::handler, 2);
    deliver(sink_, 2);
    EXPECT_EQ(result(2).version, 2U);
    deploy(ScriptRole::handler, 1);  // rolled back
    deliver(sink_, 3);
    EXPECT_EQ(result(3).version, 1U);
    EXPECT_EQ(process().heard(Kind::script).size(), 3U);
    EXPECT_EQ(launcher_.last, 1U);
}

TEST_F(LuaSinkTest, ANewVersionThatDoesNotLoadLeavesTheOldOneRunning) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    EXPECT_EQ(result(1).version, 1U);
    lua.on_script = [&lua](const Order&) {
        lua.say(R"({"type":"loaded","role":"handler","version":2,"error":"handler:3: bad"})");
    };
    deploy(ScriptRole::handler, 2);
    deliver(sink_, 2);
    EXPECT_EQ(result(2).verdict, Verdict::accepted);
    EXPECT_EQ(result(2).version, 1U);
    EXPECT_THAT(log_text(),
                HasSubstr("error: orders/score: version 2 of the handler script does not load, "
                          "version 1 goes on: handler:3: bad\n"));
    deliver(sink_, 3);
    EXPECT_EQ(result(3).version, 1U) << "as long as nothing else is deployed";
}

TEST_F(LuaSinkTest, AProcessStartedLaterHasTheNewestVersionAlone) {
    deliver(sink_, 1);
    EXPECT_EQ(result((process(), 1)).version, 1U);
    deploy(ScriptRole::handler, 2);
    deliver(sink_, 2);
    EXPECT_EQ(result(2).version, 2U);
    processes_.erase(1);
    launcher_.end(1, {});
    deliver(sink_, 3);
    EXPECT_EQ(result((process(2), 3)).version, 2U);
    const auto scripts = process(2).heard(Kind::script);
    ASSERT_EQ(scripts.size(), 1U);
    EXPECT_EQ(scripts[0].script.version, 2U);
}

TEST_F(LuaSinkTest, KvRowsAreReadForTheScript) {
    dispatch_.kv["seen"] = {12, "a\xff"};
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&lua](const Order& order) {
        const std::string call = R"({"type":"call","id":")" + order.id + R"(","name":"kv_get",)";
        lua.say(call + R"("call":1,"key":"seen"})");
        lua.say(call + R"("call":2,"key":"other"})");
    };
    ASSERT_TRUE(until([&]() { return lua.heard(Kind::result).size() == 2; }));
    const auto results = lua.heard(Kind::result);
    EXPECT_EQ(results[0].arguments,
              R"({"type":"result","call":1,"ok":true,"version":12,"value_base64":"Yf8="})");
    EXPECT_EQ(results[1].arguments, R"({"type":"result","call":2,"ok":true,"version":0})");
}

TEST_F(LuaSinkTest, HttpIsCarriedOutForAllowedHostsWithAKeyOfItsOwn) {
    testing::ScriptedServer& server =
        serve({testing::always("HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok")});
    target_.spec.function.http_allow = {"127.0.0.1"};
    deliver(sink_, 5);
    testing::FakeLua& lua = process();
    lua.on_event = [&](const Order& order) {
        const std::string call = R"({"type":"call","id":")" + order.id + R"(","name":"http",)";
        lua.say(call + R"("call":1,"method":"POST","url":")" + server.url("/api") +
                R"(","headers":{"X-B":"2","Content-Length":"9"},"body":"hi"})");
    };
    ASSERT_TRUE(until([&]() { return lua.heard(Kind::result).size() == 1; }));
    EXPECT_EQ(lua.heard(Kind::result)[0].arguments,
              R"({"type":"result","call":1,"ok":true,"status":201,)"
              R"("headers":{"content-length":"2","x-a":"1"},"body":"ok"})");
    ASSERT_EQ(server.requests.size(), 1U);
    EXPECT_EQ(server.requests[0],
              "POST /api HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                  "\r\nX-B: 2\r\nIdempotency-Key: penstock-7-5-1-1\r\nContent-Length: 2\r\n\r\nhi");
}

TEST_F(LuaSinkTest, HttpToOtherHostsIsRefusedInWords) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&](const Order& order) {
        lua.say(R"({"type":"call","id":")" + order.id +
                R"(","name":"http","call":1,"url":"http://stock.example/"})");
    };
    ASSERT_TRUE(until([&]() { return lua.heard(Kind::result).size() == 1; }));
    const Order refused = lua.heard(Kind::result)[0];
    EXPECT_FALSE(refused.ok);
    EXPECT_EQ(refused.error,
              "this function may not ask the host stock.example: its http_allow list does not "
              "have it");
}

TEST_F(LuaSinkTest, CallsOfMessagesThatAreGoneAndUnknownCallsAreRefused) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&](const Order& order) {
        lua.say(R"({"type":"call","id":")" + order.id + R"(","name":"dance","call":1})");
        lua.say(R"({"type":"call","id":"99","name":"kv_get","call":2,"key":"k"})");
    };
    ASSERT_TRUE(until([&]() { return lua.heard(Kind::result).size() == 2; }));
    EXPECT_EQ(lua.heard(Kind::result)[0].error, "this server does not know the call dance");
    EXPECT_EQ(lua.heard(Kind::result)[1].error, "the message is no longer in this script's hands");
}

TEST_F(LuaSinkTest, CallsAtATimeAreBounded) {
    testing::ScriptedServer& server = serve({{testing::step(testing::Step::Kind::hang)}});
    target_.spec.function.http_allow = {"*"};
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&](const Order& order) {
        for (int call = 1; call <= 513; ++call) {
            lua.say(R"({"type":"call","id":")" + order.id + R"(","name":"http","call":)" +
                    std::to_string(call) + R"(,"url":")" + server.url() + "\"}");
        }
    };
    ASSERT_TRUE(until([&]() { return !lua.heard(Kind::result).empty(); }));
    EXPECT_EQ(lua.heard(Kind::result)[0].call, 513U);
    EXPECT_EQ(lua.heard(Kind::result)[0].error, "too many calls at a time");
}

TEST_F(LuaSinkTest, CallsWithoutEndWhoseAnswersAreNotReadEndTheProcess) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&](const Order& order) {
        lua.deaf = true;
        for (int call = 1; call <= 20'000; ++call) {
            lua.say(R"({"type":"call","id":")" + order.id + R"(","name":"dance","call":)" +
                    std::to_string(call) + "}");
        }
    };
    EXPECT_TRUE(until([&]() { return launcher_.processes.at(1).killed; }));
    worker::ProcessEnd end;
    end.kind = worker::ProcessEnd::Kind::signalled;
    end.code = 9;
    launcher_.end(1, end);
    EXPECT_THAT(result(1).excerpt, HasSubstr("it makes calls and does not read the answers"));
}

TEST_F(LuaSinkTest, AFrameThatCannotBeReadEndsTheProcess) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&](const Order& order) {
        lua.say(R"({"id":")" + order.id + R"(","ok":3})");
    };
    EXPECT_TRUE(until([&]() { return launcher_.processes.at(1).killed; }));
}

TEST_F(LuaSinkTest, ItsLinesAreInTheLogOfTheFunction) {
    deliver(sink_, 1);
    testing::FakeLua& lua = process();
    lua.on_event = [&](const Order& order) {
        lua.say(R"({"type":"log","id":")" + order.id + R"(","level":"info","text":"n=1"})");
        lua.say("not a frame");
        lua.say(R"({"id":")" + order.id + R"(","ok":true})");
    };
    EXPECT_EQ(result(1).verdict, Verdict::accepted);
    EXPECT_EQ(log_text(), "info: n=1\nstdout: not a frame\n");
}

}  // namespace
}  // namespace penstock::sinks::lua
