#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

TEST(Track, AQueueMessageShowsWhereItStands) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto sent = node.ask(send("orders", {"hello"}));
    auto track = node.ask(api::TrackMessage{sent->ids[0]});
    ASSERT_TRUE(track);
    EXPECT_EQ(track->sent_to, "orders");
    EXPECT_EQ(track->payload_bytes, 5U);
    EXPECT_EQ(track->sent_ms, node.clock.wall_ms());
    ASSERT_EQ(track->places.size(), 1U);
    EXPECT_EQ(track->places[0].object, "orders");
    EXPECT_EQ(track->places[0].kind, "queue");
    EXPECT_EQ(track->places[0].state, "visible");
    ASSERT_TRUE(node.ask(receive("orders")));
    track = node.ask(api::TrackMessage{sent->ids[0]});
    EXPECT_EQ(track->places[0].state, "in_flight");
}

TEST(Track, OfAMessageThatWaitsOutlivesTheBeginningOfTheLog) {
    SteppedNode node;
    node.options.flush_age_ms = 1'000;
    node.restart();
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(create_queue("bulk")));
    const model::MessageId kept = node.ask(send("orders", {"kept"}))->ids[0];
    for (int round = 0; round < 40; ++round) {
        ASSERT_TRUE(node.ask(send("bulk", {std::string(60'000, 'x')})));
        const auto received = node.ask(receive("bulk"));
        ASSERT_TRUE(node.ask(remove("bulk", {received->messages[0].receipt})));
    }
    const auto first = [&] {
        return node.node->store().range(kept.set()).first;
    };
    for (int turn = 0; turn < 100 && first() <= kept.index(); ++turn) node.advance_ms(1'000);
    ASSERT_GT(first(), kept.index());
    const auto track = node.ask(api::TrackMessage{kept});
    ASSERT_TRUE(track);
    EXPECT_EQ(track->sent_to, "orders");
    ASSERT_EQ(track->places.size(), 1U);
    EXPECT_EQ(track->places[0].state, "visible");
}

TEST(Track, ATopicMessageShowsTheAttemptsOfEachSubscription) {
    SteppedNode node;
    RecordedDeliveries deliveries;
    node.node->attach(deliveries);
    ASSERT_TRUE(node.ask(api::CreateTopic{"news", {}}));
    const auto hook = node.ask(subscribe("news", "hook"));
    const model::SubscriptionNo number{hook->number};
    const auto sent = node.ask(publish("news", {"other", "hello"}));
    node.node->grant(number, 10);
    node.settle_down();
    const auto taken = deliveries.take();
    ASSERT_EQ(taken.size(), 2U);
    for (const api::Delivery& delivery : taken) {
        api::Dispatch::Settlement settlement;
        settlement.subscription = number;
        settlement.items.emplace_back();
        settlement.items.back().sequence = delivery.sequence;
        settlement.items.back().generation = delivery.generation;
        model::Attempt attempt;
        attempt.sequence = delivery.sequence;
        attempt.message = delivery.message;
        attempt.status = 202;
        settlement.attempts = {attempt};
        node.node->settle(std::move(settlement), {});
    }
    node.settle_down();
    const auto track = node.ask(api::TrackMessage{sent->ids[1]});
    ASSERT_TRUE(track);
    EXPECT_EQ(track->sent_to, "news");
    const api::TrackPlace* place = nullptr;
    for (const api::TrackPlace& one : track->places) {
        if (one.kind == "subscription") place = &one;
    }
    ASSERT_NE(place, nullptr);
    EXPECT_EQ(place->object, "news/hook");
    EXPECT_EQ(place->state, "settled");
    ASSERT_EQ(place->attempts.size(), 1U);
    EXPECT_EQ(place->attempts[0].http_status, 202U);
    EXPECT_EQ(place->attempts[0].id, sent->ids[1]);
}

TEST(Track, AnUnknownMessageIsRefused) {
    SteppedNode node;
    const auto far = model::MessageId(model::first_data_set, 1'000'000, 0);
    for (const model::MessageId id : {model::MessageId(0), model::MessageId(12), far}) {
        EXPECT_EQ(node.ask(api::TrackMessage{id}).error().reason, model::Reason::message_not_found);
    }
}

TEST(Status, CountsWhatThereIs) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(send("orders", {"a", "b"})));
    const auto poll = node.start(receive("orders", 1, 0));
    ASSERT_TRUE(node.ask(create_queue("idle")));
    const auto waiting = node.start(receive("idle", 1, 30));
    const auto status = node.ask(api::GetStatus{});
    ASSERT_TRUE(status);
    EXPECT_TRUE(status->ready);
    EXPECT_EQ(status->queues, 2U);
    EXPECT_EQ(status->waiters, 1U);
    EXPECT_EQ(status->live_bodies, 2U);
    EXPECT_EQ(status->space, "normal");
}

}  // namespace penstock::testing
