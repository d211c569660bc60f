// API 3.0 over a scripted broker, asked as its clients ask: signed with TC3-HMAC-SHA256.
#include "broker/api/signature.h"
#include "plugins/cmq_http/cloud/front_end.h"
#include "tests/plugins/cmq_http/fixture.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

namespace json = boost::json;

class Cloud : public ::testing::Test {
  protected:
    Cloud() {
        plugins::CmqOptions options;
        options.clock = &cmq.clock;
        options.app_id = 1250000001;
        cmq.front_end = plugins::make_cmq_cloud_front_end(cmq.broker, options);
    }

    struct Call {
        std::string action = "CreateCmqQueue";
        std::string version = "2020-02-17";
        std::string body = "{}";
        std::string secret = "demoSecretKey0001";
        std::string key_id = "AKIDdemo0001";
        std::string date = "2023-11-14";
        std::int64_t timestamp_s = 1'700'000'000;
        std::string signed_host = "127.0.0.1";
        std::string signed_headers = "content-type;host";
    };

    static plugins::HttpRequest request_of(const Call& call) {
        plugins::HttpRequest request;
        request.method = "POST";
        request.path = "/";
        request.host = "127.0.0.1:8080";
        request.body = call.body;
        const std::string canonical =
            "POST\n/\n\ncontent-type:application/json\nhost:" + call.signed_host + "\n\n" +
            call.signed_headers + "\n" + api::sha256_hex(call.body);
        const std::string scope = call.date + "/127/tc3_request";
        const std::string text = "TC3-HMAC-SHA256\n" + std::to_string(call.timestamp_s) + "\n" +
                                 scope + "\n" + api::sha256_hex(canonical);
        std::string key = "TC3" + call.secret;
        for (const std::string& part :
             {call.date, std::string("127"), std::string("tc3_request")}) {
            key = api::hmac_sha256(key, part);
        }
        request.headers = {{"content-type", "application/json"},
                           {"x-tc-action", call.action},
                           {"x-tc-version", call.version},
                           {"x-tc-timestamp", std::to_string(call.timestamp_s)},
                           {"authorization",
                            "TC3-HMAC-SHA256 Credential=" + call.key_id + "/" + scope +
                                ", SignedHeaders=" + call.signed_headers +
                                ", Signature=" + api::to_hex(api::hmac_sha256(key, text))}};
        return request;
    }

    json::object ask(const Call& call) {
        return cmq.send(request_of(call)).json.at("Response").as_object();
    }

    json::object ask(std::string action, std::string body) {
        Call call;
        call.action = std::move(action);
        call.body = std::move(body);
        return ask(call);
    }

    static std::string code(const json::object& response) {
        if (!response.contains("Error")) return "";
        return response.at("Error").at("Code").as_string().c_str();
    }

    static std::string message(const json::object& response) {
        return response.at("Error").at("Message").as_string().c_str();
    }

    static api::QueueView queue(const std::string& name) {
        api::QueueView view;
        view.number = 42;
        view.name = name;
        view.created_ms = 1'700'000'000'000;
        view.active = 7;
        return view;
    }

    Cmq cmq;
};

// The primitives, against the published values of RFC 4231 case 2 and FIPS 180-2 "abc".
TEST_F(Cloud, DigestsAreTheStandardOnes) {
    EXPECT_EQ(api::to_hex(api::hmac_sha256("Jefe", "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(api::sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(Cloud, WantsOnlyPostsThatNameAnAction) {
    auto request = request_of({});
    EXPECT_TRUE(cmq.front_end->wants(request));
    request.headers.clear();
    EXPECT_FALSE(cmq.front_end->wants(request));
}

TEST_F(Cloud, CreatesAQueueWithADeadLetterPolicy) {
    cmq.broker.answer_with<api::CreateQueue>(queue("orders"));
    const auto response = ask("CreateCmqQueue",
                              R"({"QueueName":"orders","VisibilityTimeout":60,"Trace":true,
        "DeadLetterQueueName":"dead","Policy":0,"MaxReceiveCount":5,"Transaction":0})");
    EXPECT_EQ(code(response), "") << json::serialize(response);
    EXPECT_EQ(response.at("QueueId").as_string(), "queue-0000002a");
    EXPECT_EQ(response.at("RequestId").as_string().size(), 36U);
    const auto request = cmq.broker.last<api::CreateQueue>();
    EXPECT_EQ(request->name, "orders");
    EXPECT_EQ(request->change.visibility_s, 60U);
    EXPECT_EQ(request->change.dead_letter->queue, "dead");
    EXPECT_EQ(request->change.dead_letter->max_receives, 5U);
    EXPECT_EQ(request->change.transactional, false);
    EXPECT_EQ(cmq.broker.principals.at(0).key_id, "AKIDdemo0001");
}

// As Terraform's provider and the vendor's tool send it: every field there is, be it zero or empty.
TEST_F(Cloud, FieldsThatSayNothingAreAsIfTheyWereNotThere) {
    cmq.broker.answer_with<api::CreateQueue>(queue("orders"));
    cmq.broker.answer_with<api::SetQueue>(queue("orders"));
    const std::string all =
        R"({"QueueName":"orders","MaxMsgHeapNum":10000000,"PollingWaitSeconds":0,
        "VisibilityTimeout":30,"MaxMsgSize":65536,"MsgRetentionSeconds":3600,"RewindSeconds":0,
        "Transaction":0,"FirstQueryInterval":0,"MaxQueryCount":0,"Policy":1,"MaxReceiveCount":50,
        "MaxTimeToLive":300,"Trace":false,"RetentionSizeInMB":0)";
    const std::string unnamed = all + R"(,"DeadLetterQueueName":""})";
    for (const std::string& body : {all + "}", unnamed}) {
        const auto response = ask("CreateCmqQueue", body);
        EXPECT_EQ(code(response), "") << json::serialize(response);
        const auto& change = cmq.broker.last<api::CreateQueue>()->change;
        EXPECT_FALSE(change.dead_letter.has_value());
        EXPECT_FALSE(change.first_query_s.has_value());
        EXPECT_FALSE(change.queries_max.has_value());
        EXPECT_EQ(change.transactional, false);
        EXPECT_EQ(change.visibility_s, 30U);
    }
    EXPECT_EQ(code(ask("ModifyCmqQueueAttribute", unnamed)), "");
    EXPECT_FALSE(cmq.broker.last<api::SetQueue>()->change.dead_letter.has_value());
    EXPECT_EQ(cmq.broker.last<api::GetQueue>(), nullptr);
    EXPECT_EQ(code(ask("CreateCmqQueue", all + R"(,"DeadLetterQueueName":"dead"})")), "");
    const auto& bound = cmq.broker.last<api::CreateQueue>()->change.dead_letter;
    ASSERT_TRUE(bound.has_value());
    EXPECT_EQ(bound->queue, "dead");
    EXPECT_EQ(bound->time_to_live_s, 300U);
    EXPECT_EQ(code(ask("CreateCmqQueue", R"({"Policy":0,"MaxReceiveCount":5})")),
              "MissingParameter");
    EXPECT_EQ(code(ask("CreateCmqQueue", R"({"QueueName":"q","FirstQueryInterval":"1"})")),
              "InvalidParameter");
}

TEST_F(Cloud, PartsOfADeadLetterPolicyChangeTheOneThatIsThere) {
    auto bound = queue("orders");
    bound.attributes.dead_letter.emplace();
    bound.attributes.dead_letter->max_receives = 5;
    bound.dead_letter_queue = "dead";
    cmq.broker.answer_with<api::GetQueue>(bound);
    cmq.broker.answer_with<api::SetQueue>(bound);
    const std::string body = R"({"QueueName":"orders","MaxReceiveCount":60})";
    EXPECT_EQ(code(ask("ModifyCmqQueueAttribute", body)), "");
    EXPECT_EQ(cmq.broker.last<api::GetQueue>()->name, "orders");
    const auto& changed = cmq.broker.last<api::SetQueue>()->change.dead_letter;
    ASSERT_TRUE(changed.has_value());
    EXPECT_EQ(changed->queue, "dead");
    EXPECT_EQ(changed->kind, model::DeadLetterPolicy::Kind::receives);
    EXPECT_EQ(changed->max_receives, 60U);
    EXPECT_EQ(code(ask("ModifyCmqQueueAttribute", R"({"QueueName":"orders","Policy":1})")),
              "InvalidParameterValue")
        << "no MaxTimeToLive, here or there";
    cmq.broker.answer_with<api::GetQueue>(queue("orders"));
    EXPECT_EQ(code(ask("ModifyCmqQueueAttribute", body)), "");
    EXPECT_FALSE(cmq.broker.last<api::SetQueue>()->change.dead_letter.has_value());
    cmq.broker.refuse<api::GetQueue>(model::Reason::queue_not_found, "gone");
    EXPECT_EQ(code(ask("ModifyCmqQueueAttribute", body)), "ResourceNotFound");
    EXPECT_EQ(code(ask("ModifyCmqQueueAttribute", R"({"MaxReceiveCount":60})")),
              "MissingParameter");
}

TEST_F(Cloud, MakesAndDescribesATransactionalQueue) {
    auto made = queue("orders");
    made.attributes.transaction = model::TransactionPolicy{60, 3};
    cmq.broker.answer_with<api::CreateQueue>(made);
    cmq.broker.answer_with<api::GetQueue>(made);
    cmq.broker.answer_with<api::ListDeadLetterSources>(api::NamePage{});
    ask("CreateCmqQueue",
        R"({"QueueName":"orders","Transaction":1,"FirstQueryInterval":60,"MaxQueryCount":3})");
    const auto request = cmq.broker.last<api::CreateQueue>();
    EXPECT_EQ(request->change.transactional, true);
    EXPECT_EQ(request->change.first_query_s, 60U);
    EXPECT_EQ(request->change.queries_max, 3U);
    const auto response = ask("DescribeCmqQueueDetail", R"({"QueueName":"orders"})");
    const auto& shown = response.at("QueueDescribe").as_object();
    EXPECT_TRUE(shown.at("Transaction").as_bool());
    EXPECT_EQ(json::serialize(shown.at("TransactionPolicy")),
              R"({"FirstQueryInterval":60,"MaxQueryCount":3})");
    EXPECT_FALSE(shown.contains("FirstQueryInterval"));
    cmq.broker.answer_with<api::GetQueue>(queue("orders"));
    const auto plain = ask("DescribeCmqQueueDetail", R"({"QueueName":"orders"})");
    EXPECT_FALSE(plain.at("QueueDescribe").at("Transaction").as_bool());
}

TEST_F(Cloud, ARateOfItsOwnIsSetAndShown) {
    auto made = queue("orders");
    cmq.broker.answer_with<api::GetQueue>(made);
    cmq.broker.answer_with<api::ListDeadLetterSources>(api::NamePage{});
    const auto plain = ask("DescribeCmqQueueDetail", R"({"QueueName":"orders"})");
    EXPECT_FALSE(plain.at("QueueDescribe").as_object().contains("Qps"));
    made.attributes.messages_per_s = 50;
    cmq.broker.answer_with<api::CreateQueue>(made);
    cmq.broker.answer_with<api::GetQueue>(made);
    EXPECT_EQ(code(ask("CreateCmqQueue", R"({"QueueName":"orders","Qps":50})")), "");
    EXPECT_EQ(cmq.broker.last<api::CreateQueue>()->change.messages_per_s, 50U);
    const auto shown = ask("DescribeCmqQueueDetail", R"({"QueueName":"orders"})");
    EXPECT_EQ(shown.at("QueueDescribe").at("Qps").to_number<int>(), 50);
}

class NoAccounts final : public api::AccountBook {
  public:
    [[nodiscard]] std::shared_ptr<const api::Account> account(std::string_view) const override {
        return nullptr;
    }
};

TEST_F(Cloud, TheLimitsThatHoldAreShown) {
    const NoAccounts book;
    api::AccountLimits limits = api::no_limits;
    limits.object_requests_per_second = 5'000;
    limits.bytes_per_second = 50'000'000;
    const api::Quotas quotas(book, cmq.clock, limits);
    plugins::CmqOptions options;
    options.clock = &cmq.clock;
    options.quotas = &quotas;
    cmq.front_end = plugins::make_cmq_cloud_front_end(cmq.broker, options);
    cmq.broker.answer_with<api::GetQueue>(queue("orders"));
    cmq.broker.answer_with<api::ListDeadLetterSources>(api::NamePage{});
    cmq.broker.answer_with<api::GetTopic>(api::TopicView{});
    auto shown = ask("DescribeCmqQueueDetail", R"({"QueueName":"orders"})");
    EXPECT_EQ(shown.at("QueueDescribe").at("Qps").to_number<int>(), 5'000);
    EXPECT_EQ(shown.at("QueueDescribe").at("Bps").to_number<int>(), 50'000'000);
    shown = ask("DescribeCmqTopicDetail", R"({"TopicName":"news"})");
    EXPECT_EQ(shown.at("TopicDescribe").at("Qps").to_number<int>(), 5'000);
    EXPECT_FALSE(shown.at("TopicDescribe").as_object().contains("Bps")) << "queues have one";
    limits.bytes_per_second = 0;
    const api::Quotas without(book, cmq.clock, limits);
    options.quotas = &without;
    cmq.front_end = plugins::make_cmq_cloud_front_end(cmq.broker, options);
    shown = ask("DescribeCmqQueueDetail", R"({"QueueName":"orders"})");
    EXPECT_FALSE(shown.at("QueueDescribe").as_object().contains("Bps"));
    EXPECT_EQ(code(ask("CreateCmqQueue", R"({"QueueName":"orders","Bps":1})")), "UnknownParameter");
}

TEST_F(Cloud, SendsAndPublishes) {
    api::SentMessages sent;
    sent.ids.emplace_back(77);
    cmq.broker.answer_with<api::SendMessages>(sent);
    cmq.broker.answer_with<api::PublishMessages>(sent);
    auto response =
        ask("SendCmqMsg", R"({"QueueName":"orders","MsgContent":"a&b=1","DelaySeconds":3,
        "OrderingKey":"k"})");
    EXPECT_EQ(response.at("MsgId").as_string(), "77");
    EXPECT_TRUE(response.at("Result").as_bool());
    EXPECT_EQ(cmq.broker.last<api::SendMessages>()->messages.at(0).payload, "a&b=1");
    EXPECT_EQ(cmq.broker.last<api::SendMessages>()->delay_s, 3U);
    EXPECT_EQ(cmq.broker.last<api::SendMessages>()->messages.at(0).meta.ordering_key, "k");
    response =
        ask("PublishCmqMsg", R"({"TopicName":"news","MsgContent":"x","MsgTag":["one","two"]})");
    EXPECT_EQ(response.at("MsgId").as_string(), "77");
    EXPECT_EQ(cmq.broker.last<api::PublishMessages>()->messages.at(0).meta.tags,
              (std::vector<std::string>{"one", "two"}));
}

TEST_F(Cloud, DescribesAQueueInFullWithTimesInMilliseconds) {
    cmq.broker.answer_with<api::GetQueue>(queue("orders"));
    api::NamePage sources;
    sources.total = 1;
    sources.items.push_back({43, "source"});
    cmq.broker.answer_with<api::ListDeadLetterSources>(sources);
    const auto response = ask("DescribeCmqQueueDetail", R"({"QueueName":"orders"})");
    const auto& queue = response.at("QueueDescribe").as_object();
    EXPECT_EQ(queue.at("QueueName").as_string(), "orders");
    EXPECT_EQ(queue.at("ActiveMsgNum").to_number<int>(), 7);
    EXPECT_EQ(queue.at("CreateTime").to_number<std::int64_t>(), 1'700'000'000'000);
    EXPECT_EQ(queue.at("DeadLetterSource").at(0).at("QueueName").as_string(), "source");
    EXPECT_FALSE(queue.contains("RewindmsgNum"));
}

TEST_F(Cloud, ListsQueuesAndLeavesOutThoseThatWent) {
    api::NamePage page;
    page.total = 1;
    page.items.push_back({42, "orders"});
    cmq.broker.answer_with<api::ListQueues>(page);
    cmq.broker.answer_with<api::GetQueue>(queue("orders"));
    cmq.broker.answer_with<api::ListDeadLetterSources>(api::NamePage{});
    Call call;
    call.action = "DescribeQueueDetail";
    call.version = "2019-03-04";
    auto response = ask(call);
    EXPECT_EQ(response.at("TotalCount").to_number<int>(), 1);
    EXPECT_EQ(response.at("QueueSet").at(0).at("QueueId").as_string(), "queue-0000002a");
    EXPECT_EQ(response.at("QueueSet").at(0).at("CreateTime").to_number<int>(), 1'700'000'000);
    cmq.broker.refuse<api::GetQueue>(model::Reason::queue_not_found, "gone");
    response = ask(call);
    EXPECT_EQ(response.at("QueueSet").as_array().size(), 0U);
    call.body = R"({"Limit":0})";
    EXPECT_EQ(code(ask(call)), "");
    EXPECT_EQ(cmq.broker.last<api::ListQueues>()->page.limit, 20U) << "as if it were not there";
}

TEST_F(Cloud, NamesAreLookedForByTheFilterOfTheirKind) {
    cmq.broker.answer_with<api::ListQueues>({});
    cmq.broker.answer_with<api::ListTopics>({});
    cmq.broker.answer_with<api::ListSubscriptions>({});
    cmq.broker.answer_with<api::ListDeadLetterSources>({});
    Call call;
    call.version = "2019-03-04";
    const auto filtered = [&](const char* action, const char* name, const std::string& more = "") {
        call.action = action;
        call.body =
            R"({"Filters":[{"Name":")" + std::string(name) + R"(","Values":["or"]}])" + more + "}";
        return code(ask(call));
    };
    EXPECT_EQ(filtered("DescribeQueueDetail", "QueueName"), "");
    EXPECT_EQ(cmq.broker.last<api::ListQueues>()->search, "or");
    EXPECT_EQ(filtered("DescribeTopicDetail", "TopicName"), "");
    EXPECT_EQ(cmq.broker.last<api::ListTopics>()->search, "or");
    EXPECT_EQ(filtered("DescribeSubscriptionDetail", "SubscriptionName", R"(,"TopicName":"t")"),
              "");
    EXPECT_EQ(cmq.broker.last<api::ListSubscriptions>()->search, "or");
    const char* sources = "DescribeDeadLetterSourceQueues";
    EXPECT_EQ(filtered(sources, "SourceQueueName", R"(,"DeadLetterQueueName":"dead")"), "");
    EXPECT_EQ(cmq.broker.last<api::ListDeadLetterSources>()->search, "or");
    EXPECT_EQ(filtered("DescribeQueueDetail", "Colour"), "UnsupportedOperation");
    call.body = R"({"Filters":[]})";
    EXPECT_EQ(code(ask(call)), "");
    for (const char* filters : {R"({})",
                                R"([1])",
                                R"([{}])",
                                R"([{"Name":"QueueName"}])",
                                R"([{"Name":"QueueName","Values":[]}])",
                                R"([{"Name":"QueueName","Values":[1]}])",
                                R"([{"Name":"QueueName","Values":["a","b"]}])"}) {
        call.body = R"({"Filters":)" + std::string(filters) + "}";
        EXPECT_EQ(code(ask(call)), "UnsupportedOperation") << filters;
    }
}

// `cmq` names the source of the dead letters QueueName, `tdmq` SourceQueueName.
TEST_F(Cloud, ADeadLetterQueueIsUnboundByTheNamesOfBothVersions) {
    cmq.broker.answer_with<api::SetQueue>(queue("orders"));
    Call call;
    call.version = "2019-03-04";
    call.action = "UnbindDeadLetter";
    call.body = R"({"QueueName":"orders"})";
    EXPECT_EQ(code(ask(call)), "");
    EXPECT_EQ(cmq.broker.last<api::SetQueue>()->name, "orders");
    EXPECT_TRUE(cmq.broker.last<api::SetQueue>()->change.unbind_dead_letter);
    EXPECT_EQ(code(ask("UnbindCmqDeadLetter", R"({"SourceQueueName":"jobs"})")), "");
    EXPECT_EQ(cmq.broker.last<api::SetQueue>()->name, "jobs");
    EXPECT_EQ(code(ask("UnbindCmqDeadLetter", R"({"SourceQueueName":"a","QueueName":"b"})")),
              "InvalidParameter");
}

TEST_F(Cloud, RefusalsHaveTheCodesOfApi3) {
    cmq.broker.refuse<api::GetTopic>(model::Reason::topic_not_found, "none");
    EXPECT_EQ(code(ask("DescribeCmqTopicDetail", R"({"TopicName":"news"})")), "ResourceNotFound");
    cmq.broker.refuse<api::CreateQueue>(model::Reason::queue_exists, "there");
    EXPECT_EQ(code(ask("CreateCmqQueue", R"({"QueueName":"orders"})")), "ResourceInUse");
    cmq.broker.refuse<api::DeleteQueue>(model::Reason::unavailable, "no leader");
    EXPECT_EQ(code(ask("DeleteCmqQueue", R"({"QueueName":"orders"})")), "FailedOperation.TryLater");
}

TEST_F(Cloud, BadInputIsRefusedByName) {
    EXPECT_EQ(code(ask("CreateCmqQueue", "{}")), "MissingParameter");
    EXPECT_EQ(code(ask("CreateCmqQueue", "[1]")), "InvalidParameter");
    EXPECT_EQ(code(ask("CreateCmqQueue", "{")), "InvalidParameter");
    EXPECT_EQ(code(ask("CreateCmqQueue", R"({"QueueName":7})")), "InvalidParameter");
    EXPECT_EQ(code(ask("CreateCmqQueue", R"({"QueueName":"q","Color":"red"})")),
              "UnknownParameter");
    EXPECT_EQ(code(ask("CreateCmqQueue", R"({"QueueName":"q","VisibilityTimeout":0})")),
              "InvalidParameterValue");
    EXPECT_EQ(code(ask("CreateCmqQueue", R"({"QueueName":"q","RetentionSizeInMB":5})")),
              "UnsupportedOperation");
    EXPECT_EQ(code(ask("CreateQueue", R"({"QueueName":"q"})")), "InvalidAction");
    EXPECT_EQ(code(ask("SendCmqMsg", R"({"QueueName":"q","MsgContent":"a","DelaySeconds":4000})")),
              "InvalidParameterValue");
    Call call;
    call.version = "2017-01-01";
    EXPECT_EQ(code(ask(call)), "NoSuchVersion");
    EXPECT_TRUE(cmq.broker.requests.empty());
}

TEST_F(Cloud, TheSignatureDecides) {
    cmq.broker.answer_with<api::CreateQueue>(queue("q"));
    Call call;
    call.body = R"({"QueueName":"q"})";
    EXPECT_EQ(code(ask(call)), "");
    Call with_port = call;
    with_port.signed_host = "127.0.0.1:8080";
    EXPECT_EQ(code(ask(with_port)), "");
    Call other_host = call;
    other_host.signed_host = "cmq.example.com";
    EXPECT_EQ(code(ask(other_host)), "AuthFailure.SignatureFailure");
    Call wrong = call;
    wrong.secret = "another";
    EXPECT_EQ(code(ask(wrong)), "AuthFailure.SignatureFailure");
    Call unknown = call;
    unknown.key_id = "AKIDnobody";
    EXPECT_EQ(code(ask(unknown)), "AuthFailure.SecretIdNotFound");
    Call late = call;
    late.timestamp_s += 301;
    EXPECT_EQ(code(ask(late)), "AuthFailure.SignatureExpire");
    Call another_day = call;
    another_day.date = "2023-11-15";
    EXPECT_EQ(code(ask(another_day)), "AuthFailure.InvalidAuthorization");
    Call no_host = call;
    no_host.signed_headers = "content-type";
    EXPECT_EQ(code(ask(no_host)), "AuthFailure.InvalidAuthorization");
    auto changed = request_of(call);
    changed.body = R"({"QueueName":"r"})";
    const auto response = cmq.send(changed).json.at("Response").as_object();
    EXPECT_EQ(code(response), "AuthFailure.SignatureFailure");
    EXPECT_EQ(message(response).find("demoSecretKey0001"), std::string::npos);
    EXPECT_EQ(cmq.broker.requests.size(), 2U);
}

TEST_F(Cloud, TracesAMessage) {
    api::MessageTrack track;
    track.id = model::MessageId(77);
    track.sent_ms = 1'700'000'000'000;
    track.sent_to = "orders";
    track.places.push_back({"orders", "queue", "active", 1, 0, {}});
    cmq.broker.answer_with<api::TrackMessage>(track);
    auto response =
        ask("DescribeMqMsgTrace", R"({"Protocol":"cmq","MsgId":"77","QueueName":"orders"})");
    EXPECT_EQ(response.at("ShowTopicName").as_string(), "orders");
    const auto& stages = response.at("Result").as_array();
    ASSERT_EQ(stages.size(), 3U);
    EXPECT_EQ(stages[0].at("Stage").as_string(), "produce");
    const auto produced = json::parse(stages[0].at("Data").as_string());
    EXPECT_EQ(produced.at("ProduceTime").as_string(), "2023-11-14T22:13:20.000Z");
    response = ask("DescribeMqMsgTrace", R"({"Protocol":"cmq","MsgId":"77","QueueName":"other"})");
    EXPECT_EQ(code(response), "ResourceNotFound");
    response = ask("DescribeMqMsgTrace", R"({"Protocol":"amqp","MsgId":"77"})");
    EXPECT_EQ(code(response), "InvalidParameterValue");
}

}  // namespace
}  // namespace penstock::testing
