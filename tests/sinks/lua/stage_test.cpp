#include "sinks/lua/stage.h"

#include "tests/sinks/lua/lua_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::lua {
namespace {

using model::Failure;
using model::ScriptRole;
using model::Verdict;
using Kind = testing::FakeLua::Order::Kind;
using Order = testing::FakeLua::Order;

// Accepts, or what it is told, and remembers what it was given.
struct RecordingSink final : Sink {
    void deliver(const api::Target&, const api::Delivery& delivery, Done done) override {
        bodies.push_back(delivery.payload);
        ids.push_back(delivery.message.value);
        done(answer);
    }

    void forget(const api::Target&) override { forgotten += 1; }

    void stop() override { stopped = true; }

    AttemptResult answer;
    std::vector<std::string> bodies;
    std::vector<std::uint64_t> ids;
    unsigned forgotten = 0;
    bool stopped = false;
};

class StageTest : public LuaFixture {
  protected:
    StageTest() {
        auto inner = std::make_unique<RecordingSink>();
        inner_ = inner.get();
        sink_ = std::make_unique<StagedSink>(std::move(inner), pools_);
        target_.spec.sink = model::SinkKind::http;
    }

    // What the scripts answer from now on, by role.
    void scripts_answer(const std::string& filter, const std::string& transform) {
        testing::FakeLua& lua = process();
        lua.on_event = [&lua, filter, transform](const Order& order) {
            lua.say(R"({"id":")" + order.id + R"(",)" +
                    (order.role == "filter" ? filter : transform) + "}");
        };
    }

    RecordingSink* inner_ = nullptr;
    std::unique_ptr<StagedSink> sink_;
};

TEST_F(StageTest, WithoutScriptsADeliveryPassesStraightThrough) {
    deploy(ScriptRole::handler, 1);
    deliver(*sink_, 1);
    EXPECT_EQ(results_.count(1), 1U);
    EXPECT_EQ(inner_->bodies, std::vector<std::string>{"hello"});
    EXPECT_EQ(launcher_.last, 0U);
}

TEST_F(StageTest, AFilterDecidesWhatPasses) {
    deploy(ScriptRole::filter, 4);
    deliver(*sink_, 1);
    scripts_answer(R"("ok":true,"result":true)", "");
    EXPECT_EQ(result(1).verdict, Verdict::accepted);
    EXPECT_EQ(result(1).version, 4U);
    scripts_answer(R"("ok":true,"result":false)", "");
    deliver(*sink_, 2);
    EXPECT_EQ(result(2).verdict, Verdict::discarded);
    EXPECT_EQ(inner_->ids, std::vector<std::uint64_t>{1});
}

TEST_F(StageTest, AFilterThatGivesNoAnswerFails) {
    deploy(ScriptRole::filter, 1);
    deliver(*sink_, 1);
    scripts_answer(R"("ok":true)", "");
    EXPECT_EQ(result(1).verdict, Verdict::retry);
    EXPECT_EQ(result(1).failure, Failure::handler);
    EXPECT_EQ(result(1).excerpt, "the filter must return true or false");
    scripts_answer(R"("ok":false,"error":"filter:2: oops")", "");
    deliver(*sink_, 2);
    EXPECT_EQ(result(2).verdict, Verdict::retry);
    EXPECT_EQ(result(2).excerpt, "filter:2: oops");
    EXPECT_TRUE(inner_->bodies.empty());
}

TEST_F(StageTest, ATransformMakesTheBody) {
    deploy(ScriptRole::filter, 1);
    deploy(ScriptRole::transform, 2);
    deliver(*sink_, 1);
    scripts_answer(R"("ok":true,"result":true)", R"("ok":true,"result":"new \"text\"")");
    EXPECT_EQ(result(1).version, 2U);
    scripts_answer(R"("ok":true,"result":true)", R"("ok":true,"result":{"a":[1]})");
    deliver(*sink_, 2);
    result(2);
    EXPECT_EQ(inner_->bodies, (std::vector<std::string>{"new \"text\"", R"({"a":[1]})"}));
    EXPECT_EQ(launcher_.last, 1U);  // one process has both
}

TEST_F(StageTest, ATransformWithoutAResultFails) {
    deploy(ScriptRole::transform, 1);
    deliver(*sink_, 1);
    scripts_answer("", R"("ok":true)");
    EXPECT_EQ(result(1).verdict, Verdict::retry);
    EXPECT_EQ(result(1).failure, Failure::handler);
    EXPECT_EQ(result(1).excerpt,
              "the transform returned nothing: it must return the new body, or ctx.drop()");
    scripts_answer("", R"("ok":true,"dropped":true)");
    deliver(*sink_, 2);
    EXPECT_EQ(result(2).verdict, Verdict::discarded);
    EXPECT_TRUE(inner_->bodies.empty());
}

TEST_F(StageTest, WhatTheInnerSinkSaysIsTheResult) {
    deploy(ScriptRole::filter, 1);
    inner_->answer.verdict = Verdict::retry;
    inner_->answer.failure = Failure::status;
    inner_->answer.status = 503;
    deliver(*sink_, 1);
    scripts_answer(R"("ok":true,"result":true,"writes":[{"key":"a","add":1}])", "");
    EXPECT_EQ(result(1).verdict, Verdict::retry);
    EXPECT_EQ(result(1).status, 503U);
    EXPECT_FALSE(result(1).effects);
}

TEST_F(StageTest, WhatTheScriptsWantGoesAlongWithSuccess) {
    deploy(ScriptRole::filter, 1);
    inner_->answer.effects.emplace();
    inner_->answer.effects->writes.push_back({model::KvWrite::Kind::add, "b", "", 1, 0});
    deliver(*sink_, 1);
    scripts_answer(R"("ok":true,"result":true,"writes":[{"key":"a","add":1}])", "");
    ASSERT_TRUE(result(1).effects);
    ASSERT_EQ(result(1).effects->writes.size(), 2U);
    EXPECT_EQ(result(1).effects->writes[0].key, "a");
    EXPECT_EQ(result(1).effects->writes[1].key, "b");
}

TEST_F(StageTest, AQueueIsGivenATransformedMessageAsAnOutput) {
    target_.spec.sink = model::SinkKind::queue;
    target_.spec.endpoint = "inbox";
    deploy(ScriptRole::transform, 1);
    deliveries_[1].meta.tags = {"kept"};
    deliver(*sink_, 1);
    scripts_answer("", R"("ok":true,"result":"new")");
    EXPECT_EQ(result(1).verdict, Verdict::accepted);
    EXPECT_FALSE(result(1).settled);
    ASSERT_TRUE(result(1).effects);
    ASSERT_EQ(result(1).effects->outputs.size(), 1U);
    EXPECT_EQ(result(1).effects->outputs[0].queue, "inbox");
    EXPECT_EQ(result(1).effects->outputs[0].message.payload, "new");
    EXPECT_EQ(result(1).effects->outputs[0].message.meta.tags, std::vector<std::string>{"kept"});
    EXPECT_TRUE(inner_->bodies.empty());
}

TEST_F(StageTest, AQueueBehindAFilterIsFedByReference) {
    target_.spec.sink = model::SinkKind::queue;
    deploy(ScriptRole::filter, 1);
    inner_->answer.settled = true;
    deliver(*sink_, 1);
    scripts_answer(R"("ok":true,"result":true)", "");
    EXPECT_TRUE(result(1).settled);
    EXPECT_EQ(inner_->bodies.size(), 1U);
}

TEST_F(StageTest, StopEndsWhatIsUnderWayAndTheInnerSink) {
    deploy(ScriptRole::filter, 1);
    deliver(*sink_, 1);
    process().on_event = [](const Order&) {
    };
    EXPECT_TRUE(until([&]() { return events(process()) == 1; }));
    sink_->stop();
    EXPECT_EQ(result(1).verdict, Verdict::not_attempted);
    EXPECT_TRUE(inner_->stopped);
    EXPECT_TRUE(inner_->bodies.empty());
}

TEST_F(StageTest, ForgettingReachesTheInnerSink) {
    sink_->forget(target_);
    EXPECT_EQ(inner_->forgotten, 1U);
}

}  // namespace
}  // namespace penstock::sinks::lua
