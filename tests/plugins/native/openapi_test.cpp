// The description of /v1 against the routes there are; the fixture holds every answer against it.
#include "plugins/native/openapi.h"

#include "plugins/native/routes.h"
#include "tests/plugins/native/described.h"
#include "tests/plugins/native/fixture.h"

#include <gmock/gmock.h>

#include <regex>
#include <set>

namespace penstock::testing {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OpenApi : public NativeFixture {};

std::string without_names(const std::string& operation) {
    return std::regex_replace(operation, std::regex(R"(\{[a-z]+\})"), "{}");
}

TEST_F(OpenApi, TheDescriptionHasExactlyTheRoutesThereAre) {
    std::set<std::string> served{"get /healthz", "get /readyz", "get /v1/openapi.json"};
    for (const auto& route : plugins::native::routes()) {
        std::string method(route.method);
        for (char& letter : method) letter = static_cast<char>(std::tolower(letter));
        served.insert(method + " " + std::string(route.path));
    }
    std::set<std::string> told;
    for (const auto& operation : described_operations()) told.insert(without_names(operation));
    EXPECT_EQ(told, served);
}

TEST_F(OpenApi, ItIsServedWithoutAKeyToThisMachineOnly) {
    plugins::HttpRequest asked = request("GET", "/v1/openapi.json");
    asked.headers.clear();
    const auto response = ask(asked);
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(text(json(response), "openapi"), "3.1.0");
    asked.loopback = false;
    EXPECT_EQ(ask(asked).status, 401U);
    EXPECT_EQ(ask("POST", "/v1/openapi.json").status, 405U);
    EXPECT_THAT(ask("GET", "/v1/nothing").body, HasSubstr("/v1/openapi.json"));
}

TEST_F(OpenApi, AnAnswerThatIsNotAsDescribedIsFound) {
    plugins::HttpResponse response;
    response.body = R"({"status":"alive"})";
    EXPECT_EQ(described("GET", "/healthz", response), "");
    response.body = R"({"status":"dead"})";
    EXPECT_EQ(described("GET", "/healthz", response), "get /healthz.status is \"dead\"");
    response.body = R"({"status":"alive","more":1})";
    EXPECT_EQ(described("GET", "/healthz", response), "get /healthz.more is not described");
    response.body = "{}";
    EXPECT_EQ(described("GET", "/healthz", response), "get /healthz lacks status");
    response.body = R"({"status":1})";
    EXPECT_EQ(described("GET", "/healthz", response), "get /healthz.status is of type integer");
    response.status = 204;
    EXPECT_EQ(described("GET", "/healthz", response), "get /healthz answers 204");
    response.status = 404;
    EXPECT_EQ(described("GET", "/healthz", response), "get /healthz answers as application/json");
    response.status = 200;
    EXPECT_EQ(described("GET", "/v1/queues/a/b", response), "an operation that is not described");
}

// Views with everything in them that may be left out.
api::ClusterView whole_cluster() {
    api::ClusterView cluster;
    cluster.name = "test";
    cluster.cluster_id = "c1";
    cluster.node = 1;
    cluster.nodes = {{1, "a:1", "b:1", "zone-a", true, true, "its disk is slow", 3}};
    api::SetView set;
    set.set = 2;
    set.leader = 1;
    set.term = 3;
    set.replicas = {{1, true, 90, true, true, false}, {2, false, 40, false, false, true}};
    set.wanted = {1, 2};
    cluster.sets = {set};
    return cluster;
}

api::SubscriptionView whole_subscription() {
    api::SubscriptionView view;
    view.topic = "orders";
    view.name = "billing";
    view.spec.endpoint = "http://a.example/";
    view.spec.scripts = {0, 1, 2};
    view.spec.state = model::SubscriptionState::disabled;
    view.spec.state_reason = "its program is gone";
    view.dead_letter_queue = "orders.billing.dlq";
    view.created_ms = view.modified_ms = 1'700'000'000'000;
    return view;
}

api::QueueView whole_queue() {
    api::QueueView queue;
    queue.name = "jobs";
    queue.dead_letter_queue = "dead";
    queue.attributes.dead_letter.emplace().max_receives = 3;
    queue.oldest_ms = queue.created_ms = queue.modified_ms = 1'700'000'000'000;
    return queue;
}

struct Asked {
    const char* method;
    const char* target;
    unsigned status;
    const char* body = "";
};

TEST_F(OpenApi, WhatNoOtherTestAsksIsAsDescribedToo) {
    const api::NamePage names{1, {{1, "orders"}}};
    api::SubscriptionPage subscriptions;
    subscriptions.total = 1;
    subscriptions.items = {whole_subscription()};
    api::SentMessages two;
    two.ids = {model::MessageId(7), model::MessageId(8)};
    broker.answer_with<api::ListQueues>(names);
    broker.answer_with<api::GetQueue>(whole_queue());
    broker.answer_with<api::ClearQueue>({});
    broker.answer_with<api::RewindQueue>({});
    broker.answer_with<api::SendMessages>(two);
    broker.answer_with<api::ChangeVisibility>({});
    broker.answer_with<api::ListTopics>(names);
    broker.answer_with<api::CreateTopic>({});
    broker.answer_with<api::GetTopic>({});
    broker.answer_with<api::SetTopic>({});
    broker.answer_with<api::DeleteTopic>({});
    broker.answer_with<api::ListSubscriptions>(subscriptions);
    broker.answer_with<api::GetSubscription>(whole_subscription());
    broker.answer_with<api::SetSubscription>(whole_subscription());
    broker.answer_with<api::Unsubscribe>({});
    broker.answer_with<api::InitCluster>(whole_cluster());
    broker.answer_with<api::ChangeCluster>(whole_cluster());
    const Asked all[] = {
        {"GET", "/v1/queues/jobs", 200},
        {"POST", "/v1/queues/jobs/clear", 204},
        {"POST", "/v1/queues/jobs/rewind", 204, R"({"to":"2026-01-31T08:05:09Z"})"},
        {"POST", "/v1/queues/jobs/messages/batch", 201, R"({"messages":[{"body":"a"}]})"},
        {"POST", "/v1/queues/jobs/visibility", 204, R"({"receipt":"5","visibility":0})"},
        {"GET", "/v1/topics", 200},
        {"POST", "/v1/topics", 201, R"({"name":"orders"})"},
        {"GET", "/v1/topics/orders", 200},
        {"PATCH", "/v1/topics/orders", 200, R"({"retention":60})"},
        {"DELETE", "/v1/topics/orders", 204},
        {"GET", "/v1/topics/orders/subscriptions", 200},
        {"GET", "/v1/subscriptions", 200},
        {"GET", "/v1/subscriptions/orders/billing", 200},
        {"PATCH", "/v1/subscriptions/orders/billing", 200, R"({"concurrency":2})"},
        {"DELETE", "/v1/subscriptions/orders/billing", 204},
        {"GET", "/v1/dead-letters", 200},
        {"POST", "/v1/cluster/init", 200},
        {"POST", "/v1/cluster/nodes", 200, R"({"id":4,"address":"host:7072"})"},
        {"DELETE", "/v1/cluster/nodes/4", 200},
        {"POST", "/v1/cluster/nodes/2/replace", 200, R"({"id":5,"address":"host:7072"})"},
        {"POST", "/v1/cluster/sets/2/transfer", 200, R"({"node":1})"},
        {"POST", "/v1/cluster/rebalance", 200},
        {"DELETE", "/v1/cluster/rebalance", 200},
    };
    for (const Asked& one : all) {
        EXPECT_EQ(ask(one.method, one.target, one.body).status, one.status)
            << one.method << " " << one.target;
    }
}

TEST_F(OpenApi, CopiesOfSetsAreMadeAndReadAsDescribed) {
    broker.answer_with<api::ListBackupSets>({{0, 1}});
    broker.answer_with<api::ChangeBackup>({});
    broker.answer_with<api::GetBackup>({api::BackupView::State::ready, 9, 100});
    broker.answer_with<api::ReadBackup>({"bytes"});
    const Asked all[] = {
        {"GET", "/v1/backup/sets", 200},
        {"POST", "/v1/backup/sets/1", 200, R"({"backup":7,"action":"hold"})"},
        {"GET", "/v1/backup/sets/1?backup=7", 200},
        {"GET", "/v1/backup/sets/1/parts/0?backup=7&offset=9", 200},
        {"GET", "/v1/backup/sets/1/parts/manifest?backup=7", 200},
    };
    for (const Asked& one : all) {
        EXPECT_EQ(ask(one.method, one.target, one.body).status, one.status)
            << one.method << " " << one.target;
    }
    const auto* read = broker.last<api::ReadBackup>();
    ASSERT_NE(read, nullptr);
    EXPECT_EQ(read->part, api::backup_manifest);
    EXPECT_EQ(ask("POST", "/v1/backup/sets/1", R"({"backup":7})").status, 400U);
    EXPECT_EQ(ask("GET", "/v1/backup/sets/1/parts/x?backup=7").status, 400U);
    EXPECT_EQ(ask("GET", "/v1/backup/sets/1").status, 400U);
}

// After all tests of this program, where none were left out.
class EveryOperationIsAnswered final : public ::testing::Environment {
  public:
    void TearDown() override {
        if (::testing::GTEST_FLAG(filter) != "*") return;
        std::set<std::string> missing;
        for (const auto& operation : described_operations()) {
            if (!answered_operations().contains(operation)) missing.insert(operation);
        }
        EXPECT_THAT(missing, IsEmpty()) << "no test has seen them succeed";
    }
};

const auto* const every_operation =
    ::testing::AddGlobalTestEnvironment(new EveryOperationIsAnswered);

}  // namespace

}  // namespace penstock::testing
