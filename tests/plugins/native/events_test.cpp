// The stream of events, and what makes its pieces.
#include "plugins/native/events.h"

#include "plugins/native/event_views.h"
#include "tests/plugins/native/fixture.h"

#include <gmock/gmock.h>

#include <vector>

namespace penstock::testing {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class FixedMetrics final : public api::MetricSource {
  public:
    void measure(std::function<void(model::Metrics)> take) override {
        model::Metrics metrics;
        metrics.counter("penstock_messages_published", "", 40, {{"set", "1"}});
        metrics.counter("penstock_messages_published", "", 2, {{"set", "2"}});
        metrics.counter(
            "penstock_delivery_attempts", "", 5, {{"set", "1"}, {"verdict", "accepted"}});
        metrics.counter(
            "penstock_delivery_attempts", "", 6, {{"set", "2"}, {"verdict", "accepted"}});
        metrics.counter("penstock_delivery_attempts", "", 1, {{"set", "2"}, {"verdict", "retry"}});
        metrics.gauge("penstock_objects", "", 3, {{"kind", "topic"}});
        model::Latencies latencies;
        latencies.add(200);
        latencies.add(7'000'000);
        metrics.histogram("penstock_log_sync_seconds", "", latencies);
        take(metrics);
    }
};

class MovingClock final : public Clock {
  public:
    [[nodiscard]] std::int64_t wall_ms() const override { return 1'700'000'000'000; }

    [[nodiscard]] std::int64_t steady_us() const override { return now_us; }

    std::int64_t now_us = 0;
};

// A piece of text/event-stream: the name and data of each event.
std::vector<std::pair<std::string, boost::json::object>> events_in(const std::string& piece) {
    std::vector<std::pair<std::string, boost::json::object>> events;
    std::istringstream lines(piece);
    std::string name;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("event: ")) name = line.substr(7);
        if (!line.starts_with("data: ")) continue;
        events.emplace_back(name, boost::json::parse(line.substr(6)).as_object());
    }
    return events;
}

class Events : public NativeFixture {
  protected:
    Events() {
        front_end = plugins::make_native_front_end(broker, {moving, nullptr, &metrics});
        broker.answer<api::ListQueues>([this](const api::ListQueues& asked) {
            return api::Outcome<api::NamePage>(asked.only_automatic ? letters : queues);
        });
        broker.answer<api::GetQueue>([this](const api::GetQueue& asked) {
            if (asked.name == leaderless) {
                model::Refusal refusal;
                refusal.reason = model::Reason::unavailable;
                return api::Outcome<api::QueueView>(refusal);
            }
            api::QueueView view;
            view.name = asked.name;
            view.active = depth;
            return api::Outcome<api::QueueView>(view);
        });
        broker.answer_with<api::ListTopics>({});
        broker.answer<api::ListSubscriptions>([this](const api::ListSubscriptions&) {
            return api::Outcome<api::SubscriptionPage>(subscriptions);
        });
    }

    std::string next(const plugins::HttpResponse& response) {
        std::string piece;
        boost::asio::io_context context;
        boost::asio::co_spawn(
            context, response.stream->next(), [&](std::exception_ptr failure, std::string made) {
                if (failure) std::rethrow_exception(failure);
                piece = std::move(made);
            });
        context.run();
        return piece;
    }

    MovingClock moving;
    FixedMetrics metrics;
    api::NamePage queues{1, {{1, "jobs"}}};
    api::NamePage letters{0, {}};
    std::string leaderless;  // its set has no leader now
    std::uint64_t depth = 3;
    api::SubscriptionPage subscriptions;
};

TEST_F(Events, TheStreamBeginsWithTheFigures) {
    const auto response = ask("GET", "/v1/events");
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.content_type, "text/event-stream");
    EXPECT_EQ(header(response, "Cache-Control"), "no-store");
    const auto events = events_in(next(response));
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].first, "figures");
    EXPECT_EQ(described_event("EventFigures", events[0].second), "");
    EXPECT_EQ(text(events[0].second, "at"), "2023-11-14T22:13:20.000Z");
    EXPECT_EQ(text(events[0].second, "published"), "42");
    EXPECT_EQ(text(events[0].second, "sent"), "0");
    EXPECT_EQ(text(events[0].second, "attempts"), R"({"accepted":11,"retry":1})");
    EXPECT_EQ(text(events[0].second, "objects"), R"({"topic":3})");
    EXPECT_EQ(text(events[0].second, "syncs"),
              R"({"count":2,"sum_us":7000200,"within":[0,1,1,1,1,1,1,1,1,1,1,1,1,1,2,2,2,2,2]})");
}

TEST_F(Events, ObjectsAreToldOnceAndThenWhenTheyChange) {
    api::SubscriptionView down;
    down.topic = "orders";
    down.name = "billing";
    down.spec.state = model::SubscriptionState::disabled;
    down.spec.state_reason = "its program is gone";
    subscriptions.total = 1;
    subscriptions.items = {down};
    const auto response = ask("GET", "/v1/events?objects=true");
    auto events = events_in(next(response));
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_EQ(events[1].first, "objects");
    EXPECT_EQ(described_event("EventObjects", events[1].second), "");
    EXPECT_EQ(text(events[1].second, "queues"),
              R"([{"name":"jobs","automatic":false,"paused":false,"visible":3,)"
              R"("in_flight":0,"delayed":0}])");
    EXPECT_EQ(text(events[1].second, "subscriptions"),
              R"([{"topic":"orders","name":"billing","state":"disabled",)"
              R"("state_reason":"its program is gone","backlog":0,"waiting":0,"dropped":0,)"
              R"("discarded":0}])");
}

TEST_F(Events, QueuesAndTheirDeadLetterQueuesComeAndGo) {
    letters = {1, {{2, "orders.billing.dlq"}}};
    const auto response = ask("GET", "/v1/events?objects=true");
    auto events = events_in(next(response));
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_THAT(events[1].second.at("queues").as_array(), SizeIs(2));

    // What cannot be asked has not gone; what is not listed any more has.
    moving.now_us += 2'000'000;
    leaderless = "jobs";
    letters = {0, {}};
    events = events_in(next(response));
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_EQ(text(events[1].second, "queues"), "[]");
    EXPECT_EQ(text(events[1].second, "gone"),
              R"({"queues":["orders.billing.dlq"],"topics":[],"subscriptions":[]})");

    // Nothing has changed: the figures come alone.
    moving.now_us += 2'000'000;
    EXPECT_THAT(events_in(next(response)), SizeIs(1));
}

TEST_F(Events, AnObjectIsToldAgainOnlyWhenItHasChanged) {
    plugins::native::Told told;
    const auto tell = [&](std::vector<std::pair<std::string, int>> all) {
        boost::json::array changes;
        boost::json::array gone;
        told.begin();
        for (const auto& [name, value] : all) told.tell(name, {{"value", value}}, changes);
        told.end(gone);
        return boost::json::serialize(changes) + boost::json::serialize(gone);
    };
    EXPECT_EQ(tell({{"a", 1}, {"b", 1}}), R"([{"value":1},{"value":1}][])");
    EXPECT_EQ(tell({{"a", 1}, {"b", 1}}), "[][]");
    EXPECT_EQ(tell({{"a", 1}, {"b", 2}}), R"([{"value":2}][])");
    EXPECT_EQ(tell({{"b", 2}}), R"([]["a"])");
    EXPECT_EQ(tell({{"a", 1}, {"b", 2}}), R"([{"value":1}][])");
}

TEST_F(Events, AttemptsAreToldWithoutTheirLongParts) {
    api::DeliveryPage page;
    api::DeliveryView failed;
    failed.topic = "orders";
    failed.subscription = "billing";
    failed.id = model::MessageId(7);
    failed.status = "retry";
    failed.attempt = 1;
    failed.excerpt = "the turbine is down";
    page.items = {failed};
    broker.answer_with<api::ListDeliveries>(page);
    const auto response = ask("GET", "/v1/events?attempts=true");
    const auto events = events_in(next(response));
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_EQ(events[1].first, "attempts");
    EXPECT_EQ(described_event("EventAttempts", events[1].second), "");
    EXPECT_EQ(boost::json::serialize(events[1].second),
              R"({"more":false,"items":[{"message":"7","subscription":"orders/billing",)"
              R"("status":"retry","attempt":1,"latency_us":0}]})");
    ASSERT_NE(broker.last<api::ListDeliveries>(), nullptr);
    EXPECT_EQ(broker.last<api::ListDeliveries>()->limit, 50U);
}

TEST_F(Events, AnAttemptIsToldOnce) {
    plugins::native::NewAttempts fresh;
    const auto page = [](std::vector<std::uint64_t> ids) {
        std::vector<api::DeliveryView> attempts;
        for (const auto id : ids) attempts.emplace_back().id = model::MessageId(id);
        return attempts;
    };
    EXPECT_THAT(fresh.of(page({2, 1})), SizeIs(2));
    const auto more = fresh.of(page({3, 2, 1}));
    ASSERT_THAT(more, SizeIs(1));
    EXPECT_EQ(model::to_text(more[0].id), "3");
    EXPECT_THAT(fresh.of(page({3, 2, 1})), IsEmpty());
}

TEST_F(Events, WithoutFiguresACommentKeepsTheStreamAlive) {
    front_end = plugins::make_native_front_end(broker, {clock});
    EXPECT_EQ(next(ask("GET", "/v1/events")), ": alive\n\n");
}

TEST_F(Events, AStreamEndsWithItsKey) {
    const auto response = ask("GET", "/v1/events");
    EXPECT_THAT(next(response), StartsWith("event: figures"));
    broker.secrets.clear();
    EXPECT_EQ(next(response), "");
}

TEST_F(Events, MoreStreamsThanMayBeOpenAreRefusedAndOneThatEndsMakesRoom) {
    std::vector<plugins::HttpResponse> open;
    for (std::size_t at = 0; at < plugins::native::EventStreams::open_max; ++at) {
        open.push_back(ask("GET", "/v1/events"));
        EXPECT_EQ(open.back().status, 200U);
    }
    const auto refused = ask("GET", "/v1/events");
    EXPECT_EQ(refused.status, 503U);
    EXPECT_THAT(refused.body, HasSubstr("32 open streams"));
    open.pop_back();
    EXPECT_EQ(ask("GET", "/v1/events").status, 200U);
    EXPECT_EQ(ask("GET", "/v1/events?objects=perhaps").status, 400U);
}

}  // namespace

}  // namespace penstock::testing
