#include "sinks/observed/observer.h"

#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

namespace penstock::sinks::observed {

namespace {

const std::string publisher = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// Ends each delivery when the test says so.
class HeldSink final : public Sink {
  public:
    void deliver(const api::Target& /*target*/, const api::Delivery& delivery, Done done) override {
        given = delivery;
        waiting = std::move(done);
    }

    void deliver_batch(const api::Target& /*target*/, Batch batch, BatchDone done) override {
        for (const api::Delivery* one : batch) metas.push_back(one->meta);
        done(std::vector<AttemptResult>(batch.size()));
    }

    void forget(const api::Target& /*target*/) override {}

    void stop() override {}

    api::Delivery given;
    Done waiting;
    std::vector<model::MessageMeta> metas;  // of a batch
};

class Observed : public ::testing::Test {
  protected:
    Observed() {
        Sinks sinks;
        auto inner = std::make_unique<HeldSink>();
        held = inner.get();
        sinks.emplace(model::SinkKind::http, std::move(inner));
        looked_at = observer.look_at(std::move(sinks));
        delivery.published_ms = clock.wall_ms();
        delivery.message = model::MessageId(5);
    }

    AttemptResult deliver(AttemptResult result, std::int64_t wait_ms, std::int64_t took_ms) {
        clock.advance_ms(wait_ms);
        AttemptResult ended;
        looked_at.at(model::SinkKind::http)->deliver(target, delivery, [&](AttemptResult told) {
            ended = std::move(told);
        });
        clock.advance_ms(took_ms);
        std::exchange(held->waiting, {})(std::move(result));
        return ended;
    }

    std::string told() {
        model::Metrics metrics;
        observer.measure(metrics);
        std::string text;
        for (const auto& family : metrics.families()) {
            const auto& latencies = family.samples.front().latencies;
            text += family.name + " " + std::to_string(latencies.count()) + " " +
                    std::to_string(static_cast<int>(latencies.sum_seconds() * 1e3)) + "\n";
        }
        return text;
    }

    testing::ManualClock clock;
    Observer observer{clock, nullptr};
    HeldSink* held = nullptr;
    Sinks looked_at;
    api::Target target;
    api::Delivery delivery;
};

TEST_F(Observed, EachMessageOfABatchIsLookedAt) {
    api::Delivery traced = delivery;
    traced.meta.attributes = {{"traceparent", publisher}};
    clock.advance_ms(40);
    std::size_t ended = 0;
    looked_at.at(model::SinkKind::http)
        ->deliver_batch(
            target, {&delivery, &traced}, [&](const auto& results) { ended = results.size(); });
    EXPECT_EQ(ended, 2U);
    ASSERT_EQ(held->metas.size(), 2U);
    EXPECT_EQ(held->metas[0], delivery.meta);
    const auto step = model::parse_traceparent(model::traceparent_of(held->metas[1]));
    ASSERT_TRUE(step);
    EXPECT_NE(step->span_id, model::parse_traceparent(publisher)->span_id);
    EXPECT_EQ(told(),
              "penstock_delivery_first_attempt_seconds 2 80\n"
              "penstock_delivery_accepted_seconds 2 80\n");
}

TEST_F(Observed, ItTellsHowLongAfterThePublishAMessageWasTriedAndAccepted) {
    AttemptResult failed;
    failed.verdict = model::Verdict::retry;
    deliver(failed, 40, 10);
    delivery.attempt = 2;
    deliver({}, 50, 5);
    EXPECT_EQ(told(),
              "penstock_delivery_first_attempt_seconds 1 40\n"
              "penstock_delivery_accepted_seconds 1 105\n");
}

TEST_F(Observed, NeitherADeferralNorAReplayCounts) {
    AttemptResult deferred;
    deferred.verdict = model::Verdict::not_attempted;
    deliver(deferred, 1, 1);
    delivery.replay = 7;
    deliver({}, 1, 1);
    EXPECT_EQ(told(),
              "penstock_delivery_first_attempt_seconds 0 0\n"
              "penstock_delivery_accepted_seconds 0 0\n");
}

TEST_F(Observed, EachAttemptIsAStepOfTheMessagesTrace) {
    deliver({}, 0, 1);
    EXPECT_EQ(held->given.meta, delivery.meta);
    delivery.meta.attributes = {{"traceparent", publisher}};
    deliver({}, 0, 1);
    const auto first = model::parse_traceparent(model::traceparent_of(held->given.meta));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->trace_id, "0af7651916cd43dd8448eb211c80319c");
    EXPECT_NE(first->span_id, "b7ad6b7169203331");
    EXPECT_EQ(delivery.meta.attributes.at(0).second, publisher);
    deliver({}, 0, 1);
    EXPECT_NE(model::parse_traceparent(model::traceparent_of(held->given.meta))->span_id,
              first->span_id);
}

TEST_F(Observed, WhatAHandlerPublishesFollowsFromItsStep) {
    delivery.meta.attributes = {{"traceparent", publisher}, {"tracestate", "a=1"}};
    AttemptResult result;
    result.effects.emplace();
    result.effects->outputs.resize(2);
    const std::string own = "00-" + std::string(32, '1') + "-b7ad6b7169203331-01";
    result.effects->outputs[1].message.meta.attributes = {{"traceparent", own}};
    const AttemptResult ended = deliver(result, 0, 1);
    using Attributes = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(ended.effects->outputs[0].message.meta.attributes,
              (Attributes{{"traceparent", model::traceparent_of(held->given.meta)},
                          {"tracestate", "a=1"}}));
    EXPECT_EQ(ended.effects->outputs[1].message.meta.attributes,
              (Attributes{{"traceparent", own}}));
}

}  // namespace

}  // namespace penstock::sinks::observed
