// Transactional messages over /v1. The fixture holds every answer against its description.
#include "tests/plugins/native/fixture.h"

namespace penstock::testing {

namespace {

using NativeTransactions = NativeFixture;
using model::ConfirmResult;

TEST_F(NativeTransactions, AQueueIsMadeForThemAndShowsHowTheyEnd) {
    api::QueueView view;
    view.name = "orders";
    view.attributes.transaction = model::TransactionPolicy{60, 3};
    view.prepared = 1;
    view.committed = 2;
    view.rolled_back = 3;
    view.unconfirmed = 4;
    broker.answer_with<api::CreateQueue>(view);
    broker.answer_with<api::SetQueue>(view);
    const auto made = ask(
        "POST", "/v1/queues", R"({"name":"orders","transaction":{"first_query":60,"queries":3}})");
    EXPECT_EQ(made.status, 201U);
    const auto& change = broker.last<api::CreateQueue>()->change;
    EXPECT_EQ(change.transactional, true);
    EXPECT_EQ(change.first_query_s, 60U);
    EXPECT_EQ(change.queries_max, 3U);
    const auto shown = json(made);
    EXPECT_EQ(boost::json::serialize(shown.at("transaction")), R"({"first_query":60,"queries":3})");
    EXPECT_EQ(boost::json::serialize(shown.at("transactions")),
              R"({"prepared":1,"committed":2,"rolled_back":3,"unconfirmed":4})");
    EXPECT_EQ(ask("PATCH", "/v1/queues/orders", R"({"transaction":{}})").status, 200U);
    EXPECT_EQ(broker.last<api::SetQueue>()->change.transactional, true);
    EXPECT_FALSE(broker.last<api::SetQueue>()->change.first_query_s);
    EXPECT_EQ(ask("PATCH", "/v1/queues/orders", R"({"transaction":null})").status, 200U);
    EXPECT_EQ(broker.last<api::SetQueue>()->change.transactional, false);
    EXPECT_EQ(ask("PATCH", "/v1/queues/orders", R"({"transaction":{"first_query":3601}})").status,
              400U);
    EXPECT_EQ(ask("PATCH", "/v1/queues/orders", R"({"transaction":{"queries":0}})").status, 400U);
}

TEST_F(NativeTransactions, AMessageIsPreparedWithAnIntervalOfItsOwn) {
    api::SentMessages sent;
    sent.ids.emplace_back(7);
    broker.answer_with<api::SendMessages>(sent);
    const std::string path = "/v1/queues/orders/messages";
    EXPECT_EQ(ask("POST", path + "?transaction=true&first_query=60", "half").status, 201U);
    EXPECT_TRUE(broker.last<api::SendMessages>()->transaction);
    EXPECT_EQ(broker.last<api::SendMessages>()->first_query_s, 60U);
    const std::string batch = R"({"messages":[{"body":"half"}],"transaction":true})";
    EXPECT_EQ(ask("POST", path + "/batch", batch).status, 201U);
    EXPECT_TRUE(broker.last<api::SendMessages>()->transaction);
    EXPECT_EQ(ask("POST", path, "plain").status, 201U);
    EXPECT_FALSE(broker.last<api::SendMessages>()->transaction);
    broker.refuse<api::SendMessages>(model::Reason::not_transactional);
    const auto refused = ask("POST", path + "?transaction=true", "half");
    EXPECT_EQ(refused.status, 409U);
    EXPECT_EQ(text(json(refused), "code"), "not_transactional");
}

TEST_F(NativeTransactions, ConfirmationsAreToldByWhatBecameOfThem) {
    api::ConfirmedTransactions confirmed;
    confirmed.results = {
        ConfirmResult::done, ConfirmResult::unknown, ConfirmResult::otherwise, ConfirmResult::done};
    broker.answer_with<api::ConfirmTransactions>(confirmed);
    const auto answer = ask(
        "POST", "/v1/queues/orders/transactions", R"({"commit":["1","2","3"],"rollback":["4"]})");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body,
              R"({"committed":["1"],"rolled_back":["4"],"unknown":["2"],"ended_otherwise":["3"]})"
              "\n");
    const auto* asked = broker.last<api::ConfirmTransactions>();
    EXPECT_EQ(asked->queue, "orders");
    ASSERT_EQ(asked->items.size(), 4U);
    EXPECT_TRUE(asked->items[2].commit);
    EXPECT_FALSE(asked->items[3].commit);
    for (const char* bad :
         {"{}", R"({"commit":[]})", R"({"commit":["x"]})", R"({"commit":["0"]})"}) {
        EXPECT_EQ(ask("POST", "/v1/queues/orders/transactions", bad).status, 400U) << bad;
    }
}

TEST_F(NativeTransactions, ChecksAreTakenByWhoeverCanTell) {
    api::TakenChecks taken;
    taken.items.push_back({model::MessageId(7), 2});
    broker.answer_with<api::TakeChecks>(taken);
    const std::string path = "/v1/queues/orders/transactions/checks";
    const auto answer = ask("POST", path, R"({"max":5,"wait":20})");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body, "{\"checks\":[{\"id\":\"7\",\"checks\":2}]}\n");
    EXPECT_EQ(broker.last<api::TakeChecks>()->max, 5U);
    EXPECT_EQ(broker.last<api::TakeChecks>()->wait_s, 20U);
    EXPECT_EQ(ask("POST", path, "{}").status, 200U);
    EXPECT_EQ(broker.last<api::TakeChecks>()->max, 16U);
    EXPECT_EQ(ask("POST", path, R"({"max":101})").status, 400U);
}

TEST_F(NativeTransactions, ThoseThatAreOpenShowTheirChecks) {
    api::PeekedPage page;
    page.items.resize(1);
    page.items[0].id = model::MessageId(7);
    page.items[0].position = 7;
    page.items[0].state = "prepared";
    page.items[0].checks = 3;
    broker.answer_with<api::PeekMessages>(page);
    const auto answer = ask("GET", "/v1/queues/orders/messages?state=prepared");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(broker.last<api::PeekMessages>()->state, "prepared");
    const auto shown = json(answer);
    const auto& item = shown.at("items").at(0).as_object();
    EXPECT_EQ(item.at("checks").to_number<int>(), 3);
    EXPECT_FALSE(item.contains("due_at")) << "a check waits for a producer";
}

}  // namespace

}  // namespace penstock::testing
