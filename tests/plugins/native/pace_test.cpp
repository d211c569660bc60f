// The push policy of a subscription and what waits, by the native API.
#include "tests/plugins/native/fixture.h"

#include <gtest/gtest.h>

namespace penstock::testing {

namespace {

class NativePush : public NativeFixture {
  protected:
    // The policy a new subscription gets.
    model::PushPolicy made(const std::string& more) {
        broker.answer_with<api::Subscribe>({});
        EXPECT_EQ(
            ask("POST", "/v1/topics/orders/subscriptions", R"({"name":"b",)" + more + "}").status,
            201U);
        return broker.last<api::Subscribe>()->spec.pace;
    }

    void refuses(const std::string& push, const std::string& field) {
        const auto response =
            ask("PATCH", "/v1/subscriptions/orders/billing", R"({"push":{)" + push + "}}");
        EXPECT_EQ(response.status, 400U) << push;
        EXPECT_NE(response.body.find("'push." + field + "'"), std::string::npos) << response.body;
    }
};

const std::string http = R"("http":{"url":"http://x.example/h"})";

TEST_F(NativePush, AnHttpEndpointIsAttendedToUnlessAnExactScheduleIsAskedForByName) {
    EXPECT_EQ(made(http), model::attentive_push());
    EXPECT_EQ(made(http + R"(,"retry":"standard")"), model::attentive_push());
    EXPECT_EQ(broker.last<api::Subscribe>()->spec.retry, model::standard_retry());
    EXPECT_EQ(made(http + R"(,"retry":{"steps":[{"min_ms":5}]})"), model::attentive_push());
    EXPECT_EQ(made(http + R"(,"retry":"backoff")"), model::PushPolicy{});
    EXPECT_EQ(made(http + R"(,"retry":"exponential")"), model::PushPolicy{});
    EXPECT_EQ(made(R"("queue":{"name":"q"})"), model::PushPolicy{});
    model::PushPolicy exact;
    exact.breaker = true;
    EXPECT_EQ(made(http + R"(,"retry":"backoff","push":{"breaker":true})"), exact);
}

TEST_F(NativePush, EveryPartOfItCanBeSaid) {
    const model::PushPolicy push =
        made(http + R"(,"push":{"breaker":false,"heed_answers":false,"concurrency_mode":"gradient",
        "rate_per_s":50,"retry_share_percent":0,"client_errors":"dead","retried_statuses":[404,409],
        "deferral_max_ms":60000,"on_exhausted":"park","order_by_key":true,"outputs":true,
        "batch":100,"batch_bytes":4194304,"batch_linger_ms":60000,"handshake":"cloudevents"})");
    model::PushPolicy expected;
    expected.concurrency = model::ConcurrencyMode::gradient;
    expected.rate_per_s = 50;
    expected.client_errors_die = true;
    expected.retried_statuses = {404, 409};
    expected.deferral_ms_max = 60'000;
    expected.on_exhausted = model::OnExhausted::park;
    expected.order_by_key = true;
    expected.outputs = true;
    expected.batch = 100;
    expected.batch_bytes = 4 << 20;
    expected.batch_linger_ms = 60'000;
    expected.handshake = model::Handshake::cloudevents;
    EXPECT_EQ(push, expected);
    EXPECT_EQ(made(http + R"(,"push":{"handshake":"challenge"})").handshake,
              model::Handshake::challenge);
}

TEST_F(NativePush, AChangeSaysOnlyWhatIsToChange) {
    broker.answer_with<api::SetSubscription>({});
    EXPECT_EQ(
        ask("PATCH", "/v1/subscriptions/orders/billing", R"({"push":{"rate_per_s":7}})").status,
        200U);
    model::PushChange expected;
    expected.rate_per_s = 7;
    EXPECT_EQ(broker.last<api::SetSubscription>()->pace, expected);
}

TEST_F(NativePush, WhatIsNoPolicyIsRefusedByName) {
    refuses(R"("rate_per_s":1000001)", "rate_per_s");
    refuses(R"("retry_share_percent":100)", "retry_share_percent");
    refuses(R"("concurrency_mode":"fast")", "concurrency_mode");
    refuses(R"("client_errors":"yes")", "client_errors");
    refuses(R"("retried_statuses":[500])", "retried_statuses");
    refuses(R"("retried_statuses":404)", "retried_statuses");
    refuses(R"("deferral_max_ms":999)", "deferral_max_ms");
    refuses(R"("on_exhausted":"drop")", "on_exhausted");
    refuses(R"("breaker":"on")", "breaker");
    refuses(R"("outputs":"on")", "outputs");
    refuses(R"("batch":0)", "batch");
    refuses(R"("batch":101)", "batch");
    refuses(R"("batch_bytes":1023)", "batch_bytes");
    refuses(R"("batch_linger_ms":60001)", "batch_linger_ms");
    refuses(R"("handshake":"sns")", "handshake");
    refuses(R"("rat":1)", "rat");
}

TEST_F(NativePush, ASubscriptionShowsItsPolicyAndHowItsEndpointDoes) {
    api::SubscriptionView view;
    view.spec.pace.retried_statuses = {404};
    view.health = {model::Hold::breaker, 1'800'000'000'000, "refused"};
    broker.answer_with<api::GetSubscription>(view);
    const auto shown = json(ask("GET", "/v1/subscriptions/orders/billing"));
    EXPECT_EQ(boost::json::serialize(shown.at("push")),
              R"({"breaker":false,"heed_answers":false,"concurrency_mode":"fixed","rate_per_s":0,)"
              R"("retry_share_percent":0,"client_errors":"retry","retried_statuses":[404],)"
              R"("deferral_max_ms":259200000,"on_exhausted":"dead","order_by_key":false,)"
              R"("outputs":false,"batch":1,"batch_bytes":1048576,"batch_linger_ms":0,)"
              R"("handshake":"none"})");
    EXPECT_EQ(boost::json::serialize(shown.at("health")),
              R"({"state":"breaker_open","until":"2027-01-15T08:00:00.000Z","reason":"refused"})");
    view.health = {model::Hold::handshake, 0, "no", 1'800'000'000'000, 120};
    broker.answer_with<api::GetSubscription>(view);
    EXPECT_EQ(
        boost::json::serialize(json(ask("GET", "/v1/subscriptions/orders/billing")).at("health")),
        R"({"state":"awaiting_handshake","reason":"no",)"
        R"("agreed_at":"2027-01-15T08:00:00.000Z","agreed_per_minute":120})");
    view.health = {};
    broker.answer_with<api::GetSubscription>(view);
    EXPECT_EQ(
        boost::json::serialize(json(ask("GET", "/v1/subscriptions/orders/billing")).at("health")),
        R"({"state":"ok"})");
}

TEST_F(NativePush, WhatIsParkedIsListedAndReleased) {
    api::DeliveryPage page;
    page.items.resize(1);
    page.items[0].topic = "orders";
    page.items[0].subscription = "billing";
    page.items[0].status = "parked";
    page.items[0].why = "behind_key";
    broker.answer_with<api::ListDeliveries>(page);
    const auto shown = json(ask("GET", "/v1/deliveries?status=parked"));
    EXPECT_EQ(text(shown.at("items").as_array()[0].as_object(), "why"), "behind_key");
    EXPECT_EQ(broker.last<api::ListDeliveries>()->status, "parked");

    broker.answer_with<api::ReleaseDelivery>({});
    EXPECT_EQ(ask("POST", "/v1/subscriptions/orders/billing/deliveries/42/retry").status, 204U);
    EXPECT_EQ(broker.last<api::ReleaseDelivery>()->subscription, "orders/billing");
    EXPECT_EQ(broker.last<api::ReleaseDelivery>()->message.value, 42U);
    EXPECT_FALSE(broker.last<api::ReleaseDelivery>()->drop);
    EXPECT_EQ(ask("POST", "/v1/subscriptions/orders/billing/deliveries/42/drop").status, 204U);
    EXPECT_TRUE(broker.last<api::ReleaseDelivery>()->drop);
    EXPECT_EQ(ask("POST", "/v1/subscriptions/orders/billing/deliveries/x/drop").status, 400U);
}

}  // namespace

}  // namespace penstock::testing
