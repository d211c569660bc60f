#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

using model::Failure;
using model::Verdict;

namespace {

// A topic `news` with the subscription `hook`, and a dispatcher that holds what it is given.
struct Push {
    explicit Push(const model::RetryPolicy& retry = model::custom_retry({1'000, 2'000}),
                  const node::NodeOptions& options = {})
        : node(options) {
        node.node->attach(deliveries);
        check(node.ask(api::CreateTopic{"news", {}}).has_value(), "topic");
        auto request = subscribe("news", "hook");
        request.spec.retry = retry;
        const auto made = node.ask(request);
        check(made.has_value(), "subscription");
        subscription = model::SubscriptionNo{made->number};
    }

    void send(std::vector<std::string> bodies) {
        check(node.ask(publish("news", std::move(bodies))).has_value(), "publish");
        node.settle_down();
    }

    void grant(std::uint32_t more) {
        node.node->grant(subscription, more);
        node.settle_down();
    }

    void settle(const api::Delivery& delivery, Verdict verdict, std::uint16_t status = 200) {
        const bool ok = verdict == Verdict::accepted;
        const Failure failure = ok ? Failure::none : Failure::status;
        api::Dispatch::Settlement settlement;
        settlement.subscription = subscription;
        settlement.items = {{delivery.sequence,
                             delivery.generation,
                             verdict,
                             failure,
                             status,
                             0,
                             ok ? "" : "no thanks",
                             ""}};
        if (verdict != Verdict::not_attempted) {
            settlement.attempts = {{delivery.sequence,
                                    delivery.message,
                                    delivery.attempt,
                                    node.clock.wall_ms(),
                                    1'500,
                                    verdict,
                                    failure,
                                    status,
                                    "127.0.0.1:9000",
                                    "",
                                    "",
                                    0}};
        }
        bool done = false;
        node.node->settle(std::move(settlement),
                          [&done](const api::Dispatch::Settled&) { done = true; });
        node.settle_down();
        check(done, "a settle becomes durable");
    }

    RecordedDeliveries deliveries;
    SteppedNode node;
    model::SubscriptionNo subscription;
};

}  // namespace

TEST(Delivery, APublishedMessageIsHandedOutWithinCredit) {
    Push push;
    push.send({"one", "two", "three"});
    EXPECT_TRUE(push.deliveries.take().empty());
    push.grant(2);
    const auto first = push.deliveries.take();
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[0].payload, "one");
    EXPECT_EQ(first[0].attempt, 1U);
    EXPECT_EQ(first[1].payload, "two");
    push.grant(5);
    const auto rest = push.deliveries.take();
    ASSERT_EQ(rest.size(), 1U);
    EXPECT_EQ(rest[0].payload, "three");
    push.send({"four"});
    EXPECT_EQ(push.deliveries.take().size(), 1U);
}

TEST(Delivery, AnAcceptedOneIsNeverHandedOutAgain) {
    Push push;
    push.grant(10);
    push.send({"one"});
    const auto taken = push.deliveries.take();
    ASSERT_EQ(taken.size(), 1U);
    push.settle(taken[0], Verdict::accepted);
    push.node.restart();
    push.node.node->attach(push.deliveries);
    push.grant(10);
    EXPECT_TRUE(push.deliveries.take().empty());
}

TEST(Delivery, WhatWasHeldAtARestartIsHandedOutAgainUncounted) {
    Push push;
    push.grant(10);
    push.send({"one"});
    ASSERT_EQ(push.deliveries.take().size(), 1U);
    push.node.restart();
    push.node.node->attach(push.deliveries);
    push.node.settle_down();
    push.grant(10);
    const auto again = push.deliveries.take();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].attempt, 1U);
}

TEST(Delivery, AFailingOneIsRetriedByThePolicyAndThenDeadLettered) {
    Push push;
    push.grant(10);
    push.send({"one"});
    std::int64_t pauses_ms[] = {1'000, 2'000};
    for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
        const auto taken = push.deliveries.take();
        ASSERT_EQ(taken.size(), 1U) << attempt;
        EXPECT_EQ(taken[0].attempt, attempt);
        push.settle(taken[0], Verdict::retry, 503);
        if (attempt == 3) break;
        push.node.advance_ms(pauses_ms[attempt - 1] - 20);
        EXPECT_TRUE(push.deliveries.taken.empty()) << attempt;
        push.node.advance_ms(40);
    }
    EXPECT_TRUE(push.deliveries.take().empty());
    const auto letters = push.node.ask(api::ListDeadLetters{"news/hook", 0, 50});
    ASSERT_TRUE(letters);
    EXPECT_EQ(letters->queue, "news.hook.dlq");
    ASSERT_EQ(letters->items.size(), 1U);
    EXPECT_EQ(letters->items[0].payload, "one");
    EXPECT_EQ(letters->items[0].source, "news/hook");
    EXPECT_EQ(letters->items[0].reason, "status");
    EXPECT_EQ(letters->items[0].status, 503U);
    EXPECT_EQ(letters->items[0].attempts, 3U);
    EXPECT_EQ(letters->items[0].excerpt, "no thanks");
}

// At the dispatcher retries may have to wait for their share of the attempts.
TEST(Delivery, RetriesLeaveHalfOfTheCreditToWhatIsFresh) {
    Push push;
    push.grant(8);
    push.send(std::vector<std::string>(8, "old"));
    const auto failing = push.deliveries.take();
    ASSERT_EQ(failing.size(), 8U);
    for (const api::Delivery& delivery : failing) push.settle(delivery, Verdict::retry, 503);
    push.send(std::vector<std::string>(8, "new"));
    push.node.advance_ms(1'010);
    const auto fresh_of = [&push](std::uint32_t credit) {
        push.grant(credit);
        std::size_t fresh = 0;
        for (const api::Delivery& delivery : push.deliveries.take()) {
            fresh += delivery.attempt == 1 ? 1 : 0;
        }
        return fresh;
    };
    EXPECT_EQ(fresh_of(1), 0U) << "a retry comes first";
    EXPECT_EQ(fresh_of(3), 2U);
    EXPECT_EQ(fresh_of(4), 2U);
    EXPECT_EQ(fresh_of(100), 4U) << "what one has not, the other may have";
    push.send({"newest"});
    EXPECT_EQ(push.deliveries.take().size(), 1U);
    EXPECT_EQ(push.node.node->desk(model::first_data_set)->handout().held(push.subscription), 17U);
}

TEST(Delivery, ARedrivenDeadLetterBeginsAtTheFirstAttempt) {
    Push push;
    push.grant(10);
    push.send({"one"});
    push.settle(push.deliveries.take().at(0), Verdict::rejected, 400);
    const auto letters = push.node.ask(api::ListDeadLetters{"news/hook", 0, 50});
    ASSERT_EQ(letters->items.size(), 1U);
    const auto id = letters->items[0].id;
    EXPECT_EQ(push.node.ask(api::RedriveDeadLetters{"news/hook", {}, true})->messages, 1U);
    EXPECT_EQ(push.node.ask(api::RedriveDeadLetters{"news.hook.dlq", {id}, false})->messages, 1U);
    push.node.settle_down();
    const auto again = push.deliveries.take();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].message, id);
    EXPECT_EQ(again[0].attempt, 1U);
    push.settle(again[0], Verdict::accepted);
    EXPECT_TRUE(push.node.ask(api::ListDeadLetters{"news/hook", 0, 50})->items.empty());
    const auto track = push.node.ask(api::TrackMessage{id});
    ASSERT_TRUE(track);
    std::vector<std::string> attempts;
    for (const api::TrackPlace& place : track->places) {
        for (const api::DeliveryView& attempt : place.attempts) attempts.push_back(attempt.status);
    }
    EXPECT_EQ(attempts, (std::vector<std::string>{"failed", "ok"}));
}

TEST(Delivery, WhileAnOrderedSubscriptionFailsNothingElseIsHandedOut) {
    Push push(model::backoff_retry(1'000, 1'000));
    push.grant(1);
    push.send({"one", "two"});
    const auto first = push.deliveries.take();
    ASSERT_EQ(first.size(), 1U);
    push.settle(first[0], Verdict::retry, 500);
    push.grant(10);
    EXPECT_TRUE(push.deliveries.take().empty()) << "the first one waits for its retry";
    push.node.advance_ms(1'010);
    const auto retry = push.deliveries.take();
    ASSERT_EQ(retry.size(), 1U) << "and is alone while it is tried again";
    EXPECT_EQ(retry[0].payload, "one");
    EXPECT_EQ(retry[0].attempt, 2U);
    push.settle(retry[0], Verdict::accepted);
    const auto second = push.deliveries.take();
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].payload, "two");
}

TEST(Delivery, AnUnattemptedOneComesBackUncounted) {
    Push push;
    push.grant(10);
    push.send({"one"});
    push.settle(push.deliveries.take().at(0), Verdict::not_attempted);
    push.node.advance_ms(1'010);
    const auto again = push.deliveries.take();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].attempt, 1U);
}

TEST(Delivery, AttemptsAreListedNewestFirstAndPaged) {
    Push push;
    push.grant(10);
    push.send({"one"});
    push.settle(push.deliveries.take().at(0), Verdict::retry, 500);
    push.node.advance_ms(1'010);
    push.settle(push.deliveries.take().at(0), Verdict::accepted, 204);
    api::ListDeliveries request;
    request.subscription = "news/hook";
    request.limit = 1;
    const auto newest = push.node.ask(request);
    ASSERT_TRUE(newest);
    ASSERT_EQ(newest->items.size(), 1U);
    EXPECT_EQ(newest->items[0].status, "ok");
    EXPECT_EQ(newest->items[0].attempt, 2U);
    EXPECT_EQ(newest->items[0].http_status, 204U);
    ASSERT_NE(newest->next, 0U);
    request.before = newest->next;
    const auto older = push.node.ask(request);
    ASSERT_EQ(older->items.size(), 1U);
    EXPECT_EQ(older->items[0].status, "failed");
    EXPECT_EQ(older->items[0].attempt, 1U);
    EXPECT_EQ(older->items[0].reason, "status");
    EXPECT_EQ(older->next, 0U);
    request.before = 0;
    request.status = "failed";
    request.subscription.clear();
    EXPECT_EQ(push.node.ask(request)->items.size(), 1U);
}

TEST(Delivery, WhatWaitsForARetryIsListedWithItsTime) {
    Push push;
    push.grant(10);
    push.send({"one"});
    const auto settled_ms = push.node.clock.wall_ms();
    push.settle(push.deliveries.take().at(0), Verdict::retry, 500);
    api::ListDeliveries request;
    request.status = "retry";
    const auto page = push.node.ask(request);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].status, "retry");
    EXPECT_EQ(page->items[0].topic, "news");
    EXPECT_EQ(page->items[0].due_ms, settled_ms + 1'000);
}

TEST(Delivery, WithTheTrackOnFailuresOnlySuccessesAreNotKept) {
    node::NodeOptions options;
    options.track = node::TrackMode::failures;
    Push push(model::custom_retry({1'000}), options);
    push.grant(10);
    push.send({"one"});
    push.settle(push.deliveries.take().at(0), Verdict::retry, 500);
    push.node.advance_ms(1'010);
    push.settle(push.deliveries.take().at(0), Verdict::accepted);
    const auto page = push.node.ask(api::ListDeliveries{});
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].status, "failed");
}

TEST(Delivery, AQueueSubscriberIsFedInThePublishsOwnEntry) {
    Push push;
    ASSERT_TRUE(push.node.ask(create_queue("inbox")));
    auto request = subscribe("news", "inbox");
    request.spec.sink = model::SinkKind::queue;
    request.spec.endpoint = "inbox";
    request.spec.format = model::ContentFormat::simplified;
    ASSERT_TRUE(push.node.ask(request));
    push.send({"one"});
    const auto received = push.node.ask(receive("inbox"));
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, "one");
}

TEST(Delivery, AQueueSubscriberIsGivenNoOtherFormatThanTheBareMessage) {
    Push push;
    ASSERT_TRUE(push.node.ask(create_queue("inbox")));
    auto request = subscribe("news", "inbox");
    request.spec.sink = model::SinkKind::queue;
    request.spec.endpoint = "inbox";
    request.spec.format = model::ContentFormat::simplified;
    ASSERT_TRUE(push.node.ask(request));
    api::SetSubscription change;
    change.topic = "news";
    change.name = "inbox";
    change.format = model::ContentFormat::cmq_json;
    const auto refused = push.node.ask(change);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, model::Reason::invalid_parameter);
    EXPECT_EQ(refused.error().subject, "format");
    change.format = model::ContentFormat::simplified;
    EXPECT_TRUE(push.node.ask(change));
}

TEST(Delivery, WhatAPausedQueueCouldNotTakeIsFedByTheDispatcher) {
    Push push;
    api::QueueChange pause;
    pause.paused = true;
    ASSERT_TRUE(push.node.ask(create_queue("inbox", pause)));
    auto request = subscribe("news", "inbox");
    request.spec.sink = model::SinkKind::queue;
    request.spec.endpoint = "inbox";
    request.spec.format = model::ContentFormat::simplified;
    const model::SubscriptionNo inbox{push.node.ask(request)->number};
    push.send({"one"});
    push.node.node->grant(inbox, 5);
    push.node.settle_down();
    const auto taken = push.deliveries.take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].subscription, inbox);
    Failure answer = Failure::reset;
    const auto feed = [&] {
        push.node.node->feed(
            inbox, taken[0].sequence, taken[0].generation, [&answer](Failure failure) {
                answer = failure;
            });
        push.node.settle_down();
    };
    feed();
    EXPECT_EQ(answer, Failure::queue_full);
    EXPECT_EQ(push.node.node->desk(model::first_data_set)->handout().held(inbox), 1U);
    pause.paused = false;
    ASSERT_TRUE(push.node.ask(api::SetQueue{"inbox", pause}));
    feed();
    EXPECT_EQ(answer, Failure::none);
    EXPECT_EQ(push.node.node->desk(model::first_data_set)->handout().held(inbox), 0U);
    EXPECT_EQ(push.node.ask(receive("inbox"))->messages.at(0).payload, "one");
}

TEST(Delivery, APausedSubscriptionIsHandedNothingUntilItIsResumed) {
    Push push;
    api::SetSubscription change;
    change.topic = "news";
    change.name = "hook";
    change.state = model::SubscriptionState::paused;
    ASSERT_TRUE(push.node.ask(change));
    push.grant(10);
    push.send({"one"});
    EXPECT_TRUE(push.deliveries.take().empty());
    change.state = model::SubscriptionState::active;
    ASSERT_TRUE(push.node.ask(change));
    push.node.settle_down();
    EXPECT_EQ(push.deliveries.take().size(), 1U);
}

TEST(Delivery, AMillionCreditIsStillBoundedPerTurn) {
    Push push;
    for (int batch = 0; batch < 20; ++batch) {
        push.send(std::vector<std::string>(16, "x"));
    }
    push.node.node->grant(push.subscription, 1'000'000);
    push.node.step();
    EXPECT_EQ(push.deliveries.taken.size(), 256U);
    push.node.settle_down();
    EXPECT_EQ(push.deliveries.take().size(), 320U);
}

TEST(Delivery, APublishThatWantsAReceiverIsRefusedWithoutOne) {
    Push push;
    ASSERT_TRUE(push.node.ask(api::CreateTopic{"lonely", {}}));
    auto request = publish("lonely", {"one"});
    EXPECT_TRUE(push.node.ask(request));
    request.want_receiver = true;
    EXPECT_EQ(push.node.ask(request).error().reason, model::Reason::topic_without_subscription);
}

}  // namespace penstock::testing
