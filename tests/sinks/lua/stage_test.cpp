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

    void deliver_batch(const api::Target&, Batch batch, BatchDone done) override {
        batches.emplace_back();
        std::vector<AttemptResult> results;
        for (const api::Delivery* delivery : batch) {
            batches.back().push_back(delivery->payload);
            results.push_back(answer);
            results.back().status = static_cast<std::uint16_t>(200 + delivery->message.value);
        }
        done(std::move(results));
    }

    void forget(const api::Target&) override { forgotten += 1; }

    void stop() override { stopped = true; }

    AttemptResult answer;
    std::vector<std::string> bodies;
    std::vector<std::uint64_t> ids;
    std::vector<std::vector<std::string>> batches;
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

    // A batch of messages 1, 2, ... with these payloads; its results once there are some.
    void deliver_batch(const std::vector<std::string>& payloads) {
        Sink::Batch batch;
        for (std::size_t at = 0; at < payloads.size(); ++at) {
            api::Delivery& delivery = deliveries_[at + 1];
            delivery.subscription = target_.subscription;
            delivery.message = model::MessageId(at + 1);
            delivery.payload = payloads[at];
            batch.push_back(&delivery);
        }
        targets_.push_back(std::make_unique<api::Target>(target_));
        sink_->deliver_batch(*targets_.back(), batch, [this](std::vector<AttemptResult> results) {
            together_ = std::move(results);
        });
    }

    std::vector<AttemptResult> together_;

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

TEST_F(StageTest, WithoutScriptsABatchPassesStraightThrough) {
    deliver_batch({"a", "b"});
    EXPECT_EQ(inner_->batches, (std::vector<std::vector<std::string>>{{"a", "b"}}));
    ASSERT_EQ(together_.size(), 2U);
    EXPECT_EQ(together_[1].status, 202U);
}

TEST_F(StageTest, OfABatchThoseThatPassGoOnTogether) {
    deploy(ScriptRole::filter, 1);
    deploy(ScriptRole::transform, 2);
    deliver_batch({"a", "drop", "c", "fail"});
    testing::FakeLua& lua = process();
    lua.on_event = [&lua](const Order& order) {
        const std::string& body = order.event.body;
        const std::string said = order.role == "transform" ? R"("result":")" + body + body + '"'
                                 : body == "fail"          ? R"("result":7)"
                                 : body == "drop"          ? R"("result":false)"
                                                           : R"("result":true)";
        lua.say(R"({"id":")" + order.id + R"(","ok":true,)" + said + "}");
    };
    ASSERT_TRUE(until([&]() { return together_.size() == 4; }));
    EXPECT_EQ(inner_->batches, (std::vector<std::vector<std::string>>{{"aa", "cc"}}));
    EXPECT_EQ(together_[0].status, 201U);
    EXPECT_EQ(together_[0].version, 2U);
    EXPECT_EQ(together_[1].verdict, Verdict::discarded);
    EXPECT_EQ(together_[2].status, 203U);
    EXPECT_EQ(together_[3].verdict, Verdict::retry);
    EXPECT_EQ(together_[3].failure, Failure::handler);
}

TEST_F(StageTest, ABatchOfWhichNothingPassesAsksNobody) {
    deploy(ScriptRole::filter, 1);
    deliver_batch({"a", "b"});
    scripts_answer(R"("ok":true,"result":false)", "");
    ASSERT_TRUE(until([&]() { return together_.size() == 2; }));
    EXPECT_EQ(together_[0].verdict, Verdict::discarded);
    EXPECT_EQ(together_[1].verdict, Verdict::discarded);
    EXPECT_TRUE(inner_->batches.empty());
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
