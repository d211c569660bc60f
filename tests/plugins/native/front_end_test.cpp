#include "tests/plugins/native/fixture.h"

namespace penstock::testing {

namespace {

using Native = NativeFixture;

TEST_F(Native, WantsItsOwnPathsOnly) {
    for (const char* path : {"/v1", "/v1/queues", "/healthz", "/readyz"}) {
        EXPECT_TRUE(front_end->wants(request("GET", path))) << path;
    }
    for (const char* path : {"/", "/v2/index.php", "/v1x", "/metrics", "/healthz/"}) {
        EXPECT_FALSE(front_end->wants(request("GET", path))) << path;
    }
}

class CountingSource final : public api::MetricSource {
  public:
    void measure(std::function<void(model::Metrics)> take) override {
        model::Metrics metrics;
        metrics.counter("penstock_peer_refusals", "Refused.", 2, {{"reason", "untrusted"}});
        metrics.counter("penstock_peer_refusals", "Refused.", 3, {{"reason", "replayed"}});
        metrics.counter("penstock_snapshots_made", "Made.", 7);
        take(std::move(metrics));
    }
};

TEST_F(Native, TheAskedNodesCountersStandBesideThePictureOfItsCluster) {
    api::ClusterView view;
    broker.answer_with<api::GetCluster>(view);
    CountingSource source;
    plugins::NativeOptions options{clock};
    options.metrics = &source;
    front_end = plugins::make_native_front_end(broker, options);
    // A server on its own has none.
    EXPECT_EQ(json(ask("GET", "/v1/cluster")).if_contains("counters"), nullptr);
    view.name = "orders";
    broker.answer_with<api::GetCluster>(view);
    const auto shown = json(ask("GET", "/v1/cluster"));
    const auto& counters = shown.at("counters").as_object();
    EXPECT_EQ(counters.at("refused_peers").to_number<int>(), 5);
    EXPECT_EQ(counters.at("snapshots_made").to_number<int>(), 7);
    EXPECT_EQ(counters.at("ack_all_fallbacks").to_number<int>(), 0);
}

TEST_F(Native, UnknownRoutesAre404AndWrongMethods405) {
    for (const char* path : {"/v1",
                             "/v1/",
                             "/v1/nothing",
                             "/v1/queues/",
                             "/v1/queues/a/b/c",
                             "/v1/queues/%FF",
                             "/v1//queues"}) {
        const auto response = ask("GET", path);
        EXPECT_EQ(response.status, 404U) << path;
        EXPECT_EQ(text(json(response), "code"), "route_not_found") << path;
    }
    const auto wrong = ask("PUT", "/v1/queues/jobs");
    EXPECT_EQ(wrong.status, 405U);
    EXPECT_EQ(header(wrong, "Allow"), "GET, PATCH, DELETE");
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(Native, HeadIsAnsweredAsGetSoThatTheListenerTellsItsLength) {
    const auto head = ask("HEAD", "/healthz");
    EXPECT_EQ(head.status, 200U);
    EXPECT_EQ(head.body, ask("GET", "/healthz").body);
    EXPECT_FALSE(head.body.empty());
}

TEST_F(Native, ARequestIdIsEchoedOrMade) {
    auto made = request("GET", "/v1/nothing");
    made.headers.emplace_back("x-request-id", "mine-1");
    const auto echoed = ask(std::move(made));
    EXPECT_EQ(header(echoed, "X-Request-Id"), "mine-1");
    EXPECT_EQ(text(json(echoed), "request_id"), "mine-1");
    auto bad = request("GET", "/v1/nothing");
    bad.headers.emplace_back("x-request-id", "no blanks");
    EXPECT_EQ(header(ask(std::move(bad)), "X-Request-Id").size(), 16U);
    EXPECT_NE(header(ask("GET", "/v1/nothing"), "X-Request-Id"),
              header(ask("GET", "/v1/nothing"), "X-Request-Id"));
}

TEST_F(Native, APlainCurlBodyIsTheMessage) {
    api::SentMessages reply;
    reply.ids = {model::MessageId(42)};
    broker.answer_with<api::SendMessages>(reply);
    auto made = request("POST", "/v1/queues/jobs/messages?delay=5", "hello");
    made.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
    made.headers.emplace_back("idempotency-key", "k1");
    const auto response = ask(std::move(made));
    EXPECT_EQ(response.status, 201U);
    EXPECT_EQ(response.body, "{\"id\":\"42\"}\n");
    const auto* asked = broker.last<api::SendMessages>();
    ASSERT_NE(asked, nullptr);
    EXPECT_EQ(asked->queue, "jobs");
    EXPECT_EQ(asked->delay_s, 5U);
    EXPECT_EQ(asked->dedup_key, "k1");
    ASSERT_EQ(asked->messages.size(), 1U);
    EXPECT_EQ(asked->messages[0].payload, "hello");
    EXPECT_EQ(asked->messages[0].meta.content_type, "");
}

TEST_F(Native, AJsonBodyOfASingleMessageIsNotInterpreted) {
    api::SentMessages reply;
    reply.ids = {model::MessageId(42)};
    reply.repeated = true;
    broker.answer_with<api::PublishMessages>(reply);
    auto made = request("POST",
                        "/v1/topics/orders/messages?tag=a&tag=b&key=x.y&ordering_key=7",
                        "{\"messages\":[]}");
    made.headers.emplace_back("content-type", "application/json");
    const auto response = ask(std::move(made));
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.body, "{\"id\":\"42\",\"repeated\":true}\n");
    const auto* asked = broker.last<api::PublishMessages>();
    ASSERT_NE(asked, nullptr);
    const auto& message = asked->messages.at(0);
    EXPECT_EQ(message.payload, "{\"messages\":[]}");
    EXPECT_EQ(message.meta.content_type, "application/json");
    EXPECT_EQ(message.meta.tags, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(message.meta.routing_key, "x.y");
    EXPECT_EQ(message.meta.ordering_key, "7");
}

TEST_F(Native, ABatchCarriesTextBytesAndAttributes) {
    api::SentMessages reply;
    reply.ids = {model::MessageId(1), model::MessageId(2)};
    broker.answer_with<api::PublishMessages>(reply);
    const auto response = ask("POST",
                              "/v1/topics/orders/messages/batch",
                              R"({"delay":3,"messages":[{"body":"a\u0000\n","tags":["t"]},
                                  {"body_base64":"/w==","attributes":{"k":"v"}}]})");
    EXPECT_EQ(response.status, 201U);
    EXPECT_EQ(response.body, "{\"ids\":[\"1\",\"2\"]}\n");
    const auto* asked = broker.last<api::PublishMessages>();
    ASSERT_NE(asked, nullptr);
    EXPECT_EQ(asked->delay_s, 3U);
    EXPECT_EQ(asked->messages.at(0).payload, std::string("a\0\n", 3));
    EXPECT_EQ(asked->messages.at(1).payload, "\xFF");
    EXPECT_EQ(asked->messages.at(1).meta.attributes.at(0).second, "v");
}

TEST_F(Native, ReceivePassesWhatWasAskedAndShowsWhatCame) {
    api::ReceivedMessages reply;
    reply.messages.resize(1);
    reply.messages[0].id = model::MessageId(9);
    reply.messages[0].payload = "x";
    broker.answer_with<api::ReceiveMessages>(reply);
    const auto response =
        ask("POST", "/v1/queues/jobs/receive", R"({"max":16,"wait":30,"visibility":60})");
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(json(response).at("messages").as_array().size(), 1U);
    const auto* asked = broker.last<api::ReceiveMessages>();
    ASSERT_NE(asked, nullptr);
    EXPECT_EQ(asked->messages_max, 16U);
    EXPECT_EQ(asked->wait_s, 30U);
    EXPECT_EQ(asked->visibility_s, 60U);
    ask("POST", "/v1/queues/jobs/receive");
    EXPECT_EQ(broker.last<api::ReceiveMessages>()->wait_s, std::nullopt);
    EXPECT_EQ(broker.last<api::ReceiveMessages>()->messages_max, 1U);
}

TEST_F(Native, AcknowledgingTellsStaleReceiptsApart) {
    api::DeletedMessages reply;
    reply.removed = {true, false};
    broker.answer_with<api::DeleteMessages>(reply);
    const auto response = ask("POST", "/v1/queues/jobs/ack", R"({"receipts":["1","2"]})");
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.body, "{\"acknowledged\":[\"1\"],\"stale\":[\"2\"]}\n");
}

TEST_F(Native, QueuesAreCreatedChangedAndListed) {
    broker.answer<api::CreateQueue>([](const api::CreateQueue& asked) {
        api::QueueView view;
        view.name = asked.name;
        return api::Outcome<api::QueueView>(view);
    });
    broker.answer_with<api::SetQueue>({});
    const auto created = ask("POST",
                             "/v1/queues",
                             R"({"name":"jobs","visibility":60,
                                 "dead_letter":{"queue":"dead","max_receives":3}})");
    EXPECT_EQ(created.status, 201U);
    EXPECT_EQ(text(json(created), "name"), "jobs");
    const auto* create = broker.last<api::CreateQueue>();
    EXPECT_EQ(create->change.visibility_s, 60U);
    EXPECT_EQ(create->change.retention_s, std::nullopt);
    EXPECT_EQ(create->change.dead_letter->queue, "dead");
    EXPECT_EQ(create->change.dead_letter->max_receives, 3U);

    EXPECT_EQ(ask("PATCH", "/v1/queues/jobs", R"({"dead_letter":null})").status, 200U);
    EXPECT_TRUE(broker.last<api::SetQueue>()->change.unbind_dead_letter);
    EXPECT_EQ(ask("PATCH", "/v1/queues/jobs", R"({"poll":5})").status, 200U);
    EXPECT_FALSE(broker.last<api::SetQueue>()->change.unbind_dead_letter);
    EXPECT_EQ(broker.last<api::SetQueue>()->change.polling_wait_s, 5U);
}

TEST_F(Native, AnOrderedQueueTakesKeysAndShowsWhatIsBehind) {
    api::QueueView view;
    view.name = "orders";
    broker.answer_with<api::GetQueue>(view);
    EXPECT_FALSE(
        json(ask("GET", "/v1/queues/orders")).at("messages").as_object().contains("behind"));
    view.attributes.ordered = true;
    view.parked = 3;
    broker.answer_with<api::CreateQueue>(view);
    const auto made = ask("POST", "/v1/queues", R"({"name":"orders","ordered":true})");
    EXPECT_EQ(made.status, 201U);
    EXPECT_EQ(broker.last<api::CreateQueue>()->change.ordered, true);
    EXPECT_EQ(json(made).at("ordered"), true);
    EXPECT_EQ(json(made).at("messages").at("behind"), 3);
    api::SentMessages sent;
    sent.ids.emplace_back(7);
    broker.answer_with<api::SendMessages>(sent);
    const std::string path = "/v1/queues/orders/messages";
    EXPECT_EQ(ask("POST", path + "?ordering_key=a", "x").status, 201U);
    EXPECT_EQ(broker.last<api::SendMessages>()->messages.at(0).meta.ordering_key, "a");
    const std::string batch = R"({"messages":[{"body":"x","ordering_key":"b"},{"body":"y"}]})";
    EXPECT_EQ(ask("POST", path + "/batch", batch).status, 201U);
    EXPECT_EQ(broker.last<api::SendMessages>()->messages.at(0).meta.ordering_key, "b");
    EXPECT_EQ(broker.last<api::SendMessages>()->messages.at(1).meta.ordering_key, "");
    const std::string tagged = R"({"messages":[{"body":"x","tags":["t"]}]})";
    EXPECT_EQ(ask("POST", path + "/batch", tagged).status, 400U) << "a queue routes nothing";
}

TEST_F(Native, QueuesAndTopicsTakeARateOfTheirOwn) {
    api::QueueView queue;
    queue.attributes.messages_per_s = 50;
    broker.answer_with<api::CreateQueue>(queue);
    broker.answer_with<api::SetQueue>(queue);
    const auto made = ask("POST", "/v1/queues", R"({"name":"orders","qps":50})");
    EXPECT_EQ(made.status, 201U);
    EXPECT_EQ(json(made).at("qps"), 50);
    EXPECT_EQ(broker.last<api::CreateQueue>()->change.messages_per_s, 50U);
    EXPECT_EQ(ask("PATCH", "/v1/queues/orders", R"({"qps":0})").status, 200U);
    EXPECT_EQ(broker.last<api::SetQueue>()->change.messages_per_s, 0U);
    EXPECT_EQ(ask("PATCH", "/v1/queues/orders", R"({"poll":1})").status, 200U);
    EXPECT_EQ(broker.last<api::SetQueue>()->change.messages_per_s, std::nullopt);
    api::TopicView topic;
    topic.attributes.messages_per_s = 7;
    broker.answer_with<api::CreateTopic>(topic);
    broker.answer_with<api::SetTopic>(topic);
    EXPECT_EQ(ask("POST", "/v1/topics", R"({"name":"news","qps":7})").status, 201U);
    EXPECT_EQ(broker.last<api::CreateTopic>()->attributes.messages_per_s, 7U);
    const auto set = ask("PATCH", "/v1/topics/news", R"({"qps":8})");
    EXPECT_EQ(json(set).at("qps"), 7);
    EXPECT_EQ(broker.last<api::SetTopic>()->messages_per_s, 8U);
    EXPECT_EQ(ask("PATCH", "/v1/topics/news", R"({"qps":1000001})").status, 400U);
}

TEST_F(Native, ListsArePagedByOpaqueCursors) {
    broker.answer<api::ListQueues>([](const api::ListQueues& asked) {
        api::NamePage page;
        page.total = 3;
        page.items.resize(asked.page.offset == 0 ? 2 : 1);
        return api::Outcome<api::NamePage>(page);
    });
    broker.answer_with<api::GetQueue>({});
    const auto first = json(ask("GET", "/v1/queues?limit=2&all=true&search=jo"));
    EXPECT_EQ(first.at("items").as_array().size(), 2U);
    EXPECT_EQ(broker.last<api::ListQueues>()->search, "jo");
    EXPECT_TRUE(broker.last<api::ListQueues>()->automatic);
    const auto second = json(ask("GET", "/v1/queues?limit=2&cursor=" + text(first, "next_cursor")));
    EXPECT_EQ(broker.last<api::ListQueues>()->page.offset, 2U);
    EXPECT_FALSE(second.contains("next_cursor"));
}

TEST_F(Native, AQueueDeletedWhileListingIsLeftOut) {
    api::NamePage page;
    page.total = 1;
    page.items.resize(1);
    broker.answer_with<api::ListQueues>(page);
    broker.refuse<api::GetQueue>(model::Reason::queue_not_found);
    EXPECT_EQ(ask("GET", "/v1/queues").body, "{\"items\":[]}\n");
    broker.refuse<api::GetQueue>(model::Reason::unavailable);
    EXPECT_EQ(ask("GET", "/v1/queues").status, 503U);
}

TEST_F(Native, ASubscriptionIsMadeWithDefaultsOrEverything) {
    broker.answer_with<api::Subscribe>({});
    EXPECT_EQ(ask("POST",
                  "/v1/topics/orders/subscriptions",
                  R"({"name":"billing","http":{"url":"http://x.example/h"}})")
                  .status,
              201U);
    const auto* plain = broker.last<api::Subscribe>();
    EXPECT_EQ(plain->topic, "orders");
    EXPECT_EQ(plain->spec.endpoint, "http://x.example/h");
    EXPECT_EQ(plain->spec.retry, model::exponential_retry());
    EXPECT_EQ(plain->dead_letter, api::DeadLetterChoice::automatic);

    EXPECT_EQ(ask("POST",
                  "/v1/topics/orders/subscriptions",
                  R"({"name":"b","queue":{"name":"jobs"},"tags":["paid"],"dead_letter":null,
                      "retry":{"name":"backoff","steps":[{"min_ms":10,"max_ms":20,"times":3}]},
                      "concurrency":4,"timeout_ms":500,"paused":true})")
                  .status,
              201U);
    const auto* full = broker.last<api::Subscribe>();
    EXPECT_EQ(full->spec.sink, model::SinkKind::queue);
    EXPECT_EQ(full->spec.format, model::ContentFormat::simplified);
    EXPECT_EQ(full->spec.retry.name, model::RetryPolicy::Name::backoff);
    EXPECT_TRUE(full->spec.retry.keeps_order);
    EXPECT_EQ(full->spec.retry.steps, (std::vector<model::RetryStep>{{10, 20, 3}}));
    EXPECT_EQ(full->dead_letter, api::DeadLetterChoice::none);
    EXPECT_EQ(full->spec.state, model::SubscriptionState::paused);
}

TEST_F(Native, EveryFormatIsTakenByItsName) {
    broker.answer_with<api::SetSubscription>({});
    using model::ContentFormat;
    for (const auto& [name, format] :
         {std::pair{"cmq-json", ContentFormat::cmq_json},
          {"simplified", ContentFormat::simplified},
          {"scf", ContentFormat::scf},
          {"cloudevents", ContentFormat::cloudevents},
          {"cloudevents-structured", ContentFormat::cloudevents_structured},
          {"cloudevents-batch", ContentFormat::cloudevents_batch}}) {
        const std::string body = R"({"format":")" + std::string(name) + R"("})";
        EXPECT_EQ(ask("PATCH", "/v1/subscriptions/orders/billing", body).status, 200U) << name;
        EXPECT_EQ(broker.last<api::SetSubscription>()->format, format) << name;
        EXPECT_EQ(model::to_text(format), name);
    }
    EXPECT_EQ(ask("PATCH", "/v1/subscriptions/orders/billing", R"({"format":"xml"})").status, 400U);
}

TEST_F(Native, PauseAndResumeSetTheState) {
    broker.answer_with<api::SetSubscription>({});
    EXPECT_EQ(ask("POST", "/v1/subscriptions/orders/billing/pause").status, 200U);
    EXPECT_EQ(broker.last<api::SetSubscription>()->state, model::SubscriptionState::paused);
    EXPECT_EQ(ask("POST", "/v1/subscriptions/orders/billing/resume").status, 200U);
    EXPECT_EQ(broker.last<api::SetSubscription>()->state, model::SubscriptionState::active);
}

TEST_F(Native, DeadLettersOfASubscriptionAreAskedByItsEncodedName) {
    api::DeadLetterPage page;
    page.items.resize(1);
    page.items[0].id = model::MessageId(5);
    page.items[0].reason = "status";
    page.next = 77;
    broker.answer_with<api::ListDeadLetters>(page);
    const auto shown = json(ask("GET", "/v1/dead-letters/orders%2Fbilling?limit=1"));
    EXPECT_EQ(broker.last<api::ListDeadLetters>()->queue, "orders/billing");
    EXPECT_EQ(text(shown.at("items").as_array()[0].as_object(), "reason"), "status");
    ask("GET", "/v1/dead-letters/dead?cursor=" + text(shown, "next_cursor"));
    EXPECT_EQ(broker.last<api::ListDeadLetters>()->first, 77U);

    api::JobStarted started;
    started.messages = 4;
    broker.answer_with<api::RedriveDeadLetters>(started);
    const auto redriven =
        ask("POST", "/v1/dead-letters/dead/redrive", R"({"messages":["5"],"preview":true})");
    EXPECT_EQ(redriven.status, 200U);
    EXPECT_EQ(redriven.body, "{\"messages\":4,\"preview\":true}\n");
    EXPECT_EQ(ask("POST", "/v1/dead-letters/dead/redrive").status, 202U);
}

TEST_F(Native, DeliveriesAndTracksAreShown) {
    api::DeliveryPage page;
    page.items.resize(1);
    page.items[0].topic = "orders";
    page.items[0].subscription = "billing";
    page.next = 3;
    broker.answer_with<api::ListDeliveries>(page);
    const auto shown = json(ask("GET", "/v1/deliveries?subscription=orders/billing&status=failed"));
    EXPECT_EQ(text(shown.at("items").as_array()[0].as_object(), "subscription"), "orders/billing");
    EXPECT_EQ(broker.last<api::ListDeliveries>()->status, "failed");
    ask("GET", "/v1/deliveries?cursor=" + text(shown, "next_cursor"));
    EXPECT_EQ(broker.last<api::ListDeliveries>()->before, 3U);

    broker.answer_with<api::TrackMessage>({});
    EXPECT_EQ(ask("GET", "/v1/messages/42/track").status, 200U);
    EXPECT_EQ(broker.last<api::TrackMessage>()->id.value, 42U);
}

TEST_F(Native, RefusalsOfTheBrokerKeepTheirCode) {
    broker.refuse<api::GetQueue>(model::Reason::queue_not_found, "There is no queue 'jobs'.");
    const auto response = ask("GET", "/v1/queues/jobs");
    EXPECT_EQ(response.status, 404U);
    EXPECT_EQ(text(json(response), "code"), "queue_not_found");
    EXPECT_EQ(text(json(response), "detail"), "There is no queue 'jobs'.");
    broker.refuse<api::DeleteQueue>(model::Reason::unknown_outcome);
    EXPECT_EQ(ask("DELETE", "/v1/queues/jobs").status, 504U);
}

TEST_F(Native, DeletesAnswerWithoutABody) {
    broker.answer_with<api::DeleteQueue>({});
    const auto response = ask("DELETE", "/v1/queues/jobs");
    EXPECT_EQ(response.status, 204U);
    EXPECT_EQ(response.body, "");
}

}  // namespace

}  // namespace penstock::testing
