// Subscriber queues in another set, and what the protocol between two sets promises: every number
// is handled once, every resend hears the same, refusals become visible.
#include "broker/core/records.h"
#include "tests/core/two_sets.h"
#include "tests/support/core_invariants.h"

#include <algorithm>

namespace penstock::testing {
namespace {

using model::Reason;
using model::TransferOutcome;

constexpr auto taken = TransferOutcome::taken;
constexpr auto refused = TransferOutcome::refused;

model::SubscriptionSpec far_queue_spec(model::RetryPolicy retry = model::exponential_retry()) {
    model::SubscriptionSpec spec = queue_spec(orders);
    spec.queue = far(orders);
    spec.retry = std::move(retry);
    return spec;
}

struct FedQueue : TwoSets {
    explicit FedQueue(model::QueueAttributes attributes = {},
                      model::RetryPolicy retry = model::exponential_retry()) {
        far.done(make_queue(orders, attributes));
        near.done(make_topic(news));
        near.done(make_subscription(first_reader, far_queue_spec(std::move(retry))));
    }

    model::QueueAttributes empty_again() {
        while (true) {
            const auto messages = receive(far, orders, 16);
            if (messages.empty()) return {};
            for (const auto& message : messages) remove(far, orders, message.receipt);
        }
    }
};

TEST(Outbox, APublishSendsToAQueueInAnotherSetAndTheMessageKeepsItsId) {
    FedQueue sets;
    const auto ids = publish(sets.near, news, 2);
    EXPECT_EQ(sets.near.effects().outbox, std::vector{far_set});
    EXPECT_EQ(sets.figures(near_set).waiting, 2U);
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken, taken}));
    const auto messages = receive(sets.far, orders, 16);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].message, ids[0]);
    EXPECT_EQ(messages[1].message, ids[1]);
    // The body is where the Transfer brought it.
    EXPECT_EQ(messages[0].body.set(), far_set);
    EXPECT_NE(messages[0].body, messages[1].body);
    for (const auto& message : messages) EXPECT_TRUE(remove(sets.far, orders, message.receipt));
    EXPECT_EQ(sets.figures(near_set).waiting, 0U);
    EXPECT_EQ(core::subscription_info(sets.near.rows(), first_reader)->backlog, 0U);
}

TEST(Outbox, TheBodyIsHeldUntilTheAnswerAndNoLonger) {
    FedQueue sets;
    sets.near.done(model::SetTopic{news, {65'536, model::FilterKind::tags, 60}});
    publish(sets.near, news);
    sets.near.advance(120'000);  // the topic lets it go
    EXPECT_EQ(sets.near.live_bodies(), 1U);
    sets.exchange(near_set);
    EXPECT_EQ(sets.near.live_bodies(), 0U);
    EXPECT_EQ(sets.far.live_bodies(), 1U);
}

// Two queues of the far set behind one topic; the second has room for one message.
struct FedTwice : FedQueue {
    FedTwice() {
        far.done(make_queue(others, holding(1)));
        model::SubscriptionSpec spec = queue_spec(others);
        spec.queue = penstock::testing::far(others);
        near.done(make_subscription(second_reader, spec));
    }

    // What is due goes over in one entry, a body once; the outcomes.
    std::vector<TransferOutcome> hand_over_together() {
        std::vector<model::Command> commands;
        std::uint32_t copies = 0;
        for (const core::OutboxItem& item :
             core::outbox_due(near.rows(), far_set, 0, 1'000, 1'000)) {
            if (!item.shares_body) ++copies;
            model::Transfer transfer = item.transfer;
            transfer.source = near_set;
            transfer.ordinal = copies - 1;
            commands.emplace_back(transfer);
        }
        std::vector<TransferOutcome> outcomes;
        for (const model::Reply& reply : far.apply(std::move(commands), bodies(copies))) {
            outcomes.push_back(std::get<model::Transferred>(reply).outcome);
        }
        return outcomes;
    }
};

TEST(Outbox, QueuesOfOneSetShareABodyWhichGoesWithTheLastOfThem) {
    FedTwice sets;
    publish(sets.near, news);
    EXPECT_EQ(sets.hand_over_together(), (std::vector{taken, taken}));
    EXPECT_EQ(sets.far.live_bodies(), 1U);
    const auto one = receive(sets.far, orders);
    const auto other = receive(sets.far, others);
    ASSERT_EQ(one.size(), 1U);
    ASSERT_EQ(other.size(), 1U);
    EXPECT_EQ(one[0].message, other[0].message);
    EXPECT_EQ(one[0].body, other[0].body);
    EXPECT_TRUE(remove(sets.far, orders, one[0].receipt));
    sets.far.advance(1'000);
    EXPECT_EQ(sets.far.live_bodies(), 1U);
    EXPECT_TRUE(remove(sets.far, others, other[0].receipt));
    sets.far.advance(1'000);
    EXPECT_EQ(sets.far.live_bodies(), 0U);
}

TEST(Outbox, AQueueThatIsFullIsRefusedByItselfAndTheOtherGetsTheSharedBody) {
    FedTwice sets;
    publish(sets.near, news, 2);
    EXPECT_EQ(sets.hand_over_together(), (std::vector{taken, taken, taken, refused}));
    EXPECT_EQ(counts(sets.far, orders).active, 2U);
    EXPECT_EQ(counts(sets.far, others).active, 1U);
    EXPECT_EQ(sets.far.live_bodies(), 2U);
    // All of it once more: nothing is taken twice, and the bodies that came again go.
    EXPECT_EQ(sets.hand_over_together(), (std::vector{taken, taken, taken, refused}));
    EXPECT_EQ(counts(sets.far, orders).active, 2U);
    EXPECT_EQ(sets.far.live_bodies(), 2U);
}

TEST(Outbox, WhatIsDueIsBoundedByCopiesOfBodiesToo) {
    FedTwice sets;
    publish(sets.near, news, 3);
    const auto numbers = [&](std::uint32_t limit, std::uint32_t bodies_max) {
        std::vector<std::uint64_t> due;
        for (const auto& item : core::outbox_due(sets.near.rows(), far_set, 0, limit, bodies_max)) {
            due.push_back(item.transfer.number);
        }
        return due;
    };
    EXPECT_EQ(numbers(100, 2), (std::vector<std::uint64_t>{1, 2, 3, 4}));
    EXPECT_EQ(numbers(3, 100), (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_EQ(core::outbox_first(sets.near.rows(), far_set), 1U);
}

TEST(Outbox, AResendChangesNothingAndHearsTheSame) {
    FedQueue sets(holding(1));
    publish(sets.near, news, 2);
    const auto due = sets.due(near_set);
    ASSERT_EQ(due.size(), 2U);
    const auto first = sets.hand_over(due[0]);
    const auto second = sets.hand_over(due[1]);
    EXPECT_EQ(first.outcome, taken);
    EXPECT_EQ(second.outcome, refused);
    EXPECT_EQ(second.reason, Reason::queue_full);
    for (int again = 0; again < 3; ++again) {
        EXPECT_EQ(sets.hand_over(due[1]), second);
        EXPECT_EQ(sets.hand_over(due[0]).outcome, taken);
    }
    EXPECT_EQ(counts(sets.far, orders).active, 1U);
    // Room changes nothing: that number was answered.
    sets.empty_again();
    EXPECT_EQ(sets.hand_over(due[1]), second);
    EXPECT_EQ(counts(sets.far, orders).active, 0U);
    sets.far.advance(1'000);
    EXPECT_EQ(sets.far.live_bodies(), 0U);
}

TEST(Outbox, ANumberThatComesTooEarlyHasNoEffect) {
    FedQueue sets;
    publish(sets.near, news, 3);
    const auto due = sets.due(near_set);
    const auto early = sets.hand_over(due[2]);
    EXPECT_EQ(early.outcome, TransferOutcome::out_of_order);
    EXPECT_EQ(early.next, 1U);
    EXPECT_EQ(counts(sets.far, orders).active, 0U);
    EXPECT_EQ(sets.hand_over(due[0]).next, 2U);
    EXPECT_EQ(sets.hand_over(due[1]).next, 3U);
    EXPECT_EQ(sets.hand_over(due[2]).outcome, taken);
    EXPECT_EQ(counts(sets.far, orders).active, 3U);
}

TEST(Outbox, AnAnswerThatCameBeforeOrComesTooEarlyChangesNothing) {
    FedQueue sets;
    publish(sets.near, news, 3);
    const auto due = sets.due(near_set);
    const model::Transferred yes{taken, Reason::none, {}, 0};
    const model::Transferred no{refused, Reason::queue_full, "full", 0};
    sets.answer(due[1], no);  // before the answer to the first
    EXPECT_EQ(sets.figures(near_set).waiting, 3U);
    sets.answer(due[0], yes);
    sets.answer(due[0], no);  // a second answer
    EXPECT_EQ(sets.figures(near_set).waiting, 2U);
    EXPECT_EQ(sets.figures(near_set).refused, 0U);
    EXPECT_EQ(core::subscription_info(sets.near.rows(), first_reader)->waiting, 0U);
    // Beyond what was ever sent.
    model::TransfersAnswered beyond{far_set, 2, {{}, {}, {}, {}}};
    sets.near.done(beyond);
    EXPECT_EQ(sets.figures(near_set).first, 4U);
    sets.near.done(model::TransfersAnswered{far_set, 4, {{}}});
    EXPECT_EQ(sets.figures(near_set).first, 4U);
}

TEST(Outbox, RefusalsAreForgottenOnceTheSourceKnowsThemAndThenTheNumberIsStale) {
    FedQueue sets(holding(1), model::custom_retry({3'600'000}));
    publish(sets.near, news, 4);
    const auto due = sets.due(near_set);
    for (const auto& transfer : due) sets.answer(transfer, sets.hand_over(transfer));
    EXPECT_EQ(sets.figures(near_set).refused, 3U);
    sets.empty_again();
    // What is sent now says that all of it is known.
    sets.near.advance(3'600'000);
    for (const auto& item : ready(sets.near, first_reader)) {
        sets.near.done(model::FeedQueue{first_reader, item.sequence, item.generation});
    }
    const auto next = sets.due(near_set);
    ASSERT_EQ(next.size(), 3U);
    EXPECT_EQ(next[0].number, 5U);
    EXPECT_EQ(next[0].answered_to, 4U);
    EXPECT_EQ(sets.hand_over(next[0]).outcome, taken);
    const auto late = sets.hand_over(due[3]);
    EXPECT_EQ(late.outcome, TransferOutcome::stale);
    EXPECT_EQ(counts(sets.far, orders).active, 1U);
    sets.answer(due[3], late);
    EXPECT_EQ(sets.figures(near_set).waiting, 3U);
    const auto rows = object_rows(sets.far.rows());
    EXPECT_EQ(std::count_if(rows.begin(), rows.end(), [](auto& row) { return row[0] == 'A'; }), 0);
}

TEST(Outbox, ARefusedMessageIsADeliveryThatFailedAndIsTriedAgain) {
    FedQueue sets(holding(1), model::custom_retry({1'000, 2'000}));
    const auto ids = publish(sets.near, news, 2);
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken, refused}));
    auto waiting = core::waiting_deliveries(sets.near.rows(), first_reader, 0, 10);
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].message, ids[1]);
    EXPECT_EQ(waiting[0].attempts, 1U);
    EXPECT_EQ(waiting[0].failure, model::Failure::queue_full);
    sets.near.advance(1'000);
    auto again = ready(sets.near, first_reader);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].attempt, 2U);
    EXPECT_EQ(again[0].message, ids[1]);
    sets.near.done(model::FeedQueue{first_reader, again[0].sequence, again[0].generation});
    EXPECT_EQ(sets.exchange(near_set), (std::vector{refused}));
    sets.near.advance(2'000);
    again = ready(sets.near, first_reader);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].attempt, 3U);
    sets.empty_again();
    sets.near.done(model::FeedQueue{first_reader, again[0].sequence, again[0].generation});
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken}));
    EXPECT_EQ(received_ids(sets.far, orders), (std::vector{ids[1]}));
    EXPECT_EQ(core::subscription_info(sets.near.rows(), first_reader)->backlog, 0U);
}

TEST(Outbox, ARefusedMessageWhosePolicyIsUsedUpDiesWithTheReason) {
    FedQueue sets(holding(1), model::custom_retry({}));
    auto spec = far_queue_spec(model::custom_retry({}));
    spec.dead_letter = morgue;
    sets.near.done(make_queue(morgue));
    sets.near.done(model::SetSubscription{first_reader, spec});
    const auto ids = publish(sets.near, news, 2);
    sets.exchange(near_set);
    const auto page = core::dead_letters(sets.near.rows(), morgue, 0, 10);
    ASSERT_EQ(page.items.size(), 1U);
    EXPECT_EQ(page.items[0].message, ids[1]);
    EXPECT_EQ(page.items[0].dead->failure, model::Failure::queue_full);
    EXPECT_EQ(page.items[0].dead->excerpt, "the queue holds its maximum of 1 messages");
}

TEST(Outbox, AQueueThatIsGoneOrPausedRefuses) {
    FedQueue sets;
    model::QueueAttributes paused;
    paused.paused = true;
    sets.far.done(model::SetQueue{orders, paused});
    publish(sets.near, news);
    auto due = sets.due(near_set);
    auto reply = sets.hand_over(due[0]);
    EXPECT_EQ(reply.outcome, refused);
    EXPECT_EQ(reply.reason, Reason::queue_full);
    EXPECT_EQ(reply.detail, "the queue is paused");
    sets.answer(due[0], reply);
    sets.far.done(model::DeleteQueue{orders});
    sets.near.advance(2'000);
    for (const auto& item : ready(sets.near, first_reader)) {
        sets.near.done(model::FeedQueue{first_reader, item.sequence, item.generation});
    }
    due = sets.due(near_set);
    ASSERT_EQ(due.size(), 1U);
    reply = sets.hand_over(due[0]);
    EXPECT_EQ(reply.reason, Reason::queue_not_found);
    sets.answer(due[0], reply);
    const auto waiting = core::waiting_deliveries(sets.near.rows(), first_reader, 0, 10);
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].failure, model::Failure::queue_gone);
}

// The queue is full for the second message, and has room again when the third comes.
TEST(Outbox, WhatKeepsOrderIsRefusedBehindARefusalUntilTheSourceKnows) {
    auto in_order = model::custom_retry({1'000, 1'000, 1'000});
    in_order.keeps_order = true;
    FedQueue sets(holding(1), in_order);
    const auto ids = publish(sets.near, news, 4);
    const auto due = sets.due(near_set);
    std::vector<model::Transferred> replies{sets.hand_over(due[0]), sets.hand_over(due[1])};
    sets.empty_again();
    replies.push_back(sets.hand_over(due[2]));
    replies.push_back(sets.hand_over(due[3]));
    EXPECT_EQ(replies[1].outcome, refused);
    EXPECT_EQ(replies[2].outcome, refused);
    EXPECT_EQ(replies[3].outcome, refused);
    EXPECT_EQ(replies[2].detail, "a message before it was refused");
    sets.answer(due[0], replies[0]);
    sets.answer(due[1], replies[1]);
    sets.near.advance(1'000);
    EXPECT_TRUE(ready(sets.near, first_reader).empty());  // two are still under way
    sets.answer(due[2], replies[2]);
    sets.answer(due[3], replies[3]);
    EXPECT_TRUE(sets.near.signalled_ready(first_reader));
    std::vector<model::MessageId> arrived;
    for (int round = 0; round < 3; ++round) {
        sets.near.advance(1'000);
        const auto items = ready(sets.near, first_reader);
        ASSERT_EQ(items.size(), 1U);
        sets.near.done(model::FeedQueue{first_reader, items[0].sequence, items[0].generation});
        EXPECT_EQ(sets.exchange(near_set), (std::vector{taken}));
        for (const auto& message : receive(sets.far, orders, 16)) {
            arrived.push_back(message.message);
            remove(sets.far, orders, message.receipt);
        }
    }
    EXPECT_EQ(arrived, (std::vector{ids[1], ids[2], ids[3]}));
}

TEST(Outbox, WhileSomethingWaitsNothingIsFedPastIt) {
    FedQueue sets(holding(1), model::custom_retry({60'000}));
    publish(sets.near, news, 2);
    sets.exchange(near_set);
    publish(sets.near, news);
    EXPECT_EQ(sets.figures(near_set).waiting, 0U);
    EXPECT_EQ(core::subscription_info(sets.near.rows(), first_reader)->backlog, 2U);
}

TEST(Outbox, AnAnswerForASubscriptionThatIsGoneOnlyEndsTheRow) {
    FedQueue sets(holding(1));
    publish(sets.near, news, 2);
    sets.near.done(model::Unsubscribe{first_reader});
    sets.near.run_due();
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken, refused}));
    EXPECT_EQ(sets.figures(near_set).waiting, 0U);
}

TEST(Outbox, ATargetThatLostItsMemoryGoesOnBehindWhatTheSourceKnows) {
    FedQueue sets;
    publish(sets.near, news, 2);
    sets.exchange(near_set);
    publish(sets.near, news);
    const auto due = sets.due(near_set);
    TwoSets other;
    other.far.done(make_queue(orders));
    EXPECT_EQ(other.hand_over(due[0]).outcome, taken);
    EXPECT_EQ(other.hand_over(due[0]).outcome, taken);
    EXPECT_EQ(counts(other.far, orders).active, 1U);
}

TEST(Outbox, AFullOutboxKeepsDeliveriesWhereTheyAre) {
    TwoSets sets;
    // The rows say less than the head, so nothing but the limit is looked at here.
    sets.near = CoreDriver::data_set({.check_invariants_every = 0});
    sets.near.done(make_topic(news));
    sets.near.done(make_subscription(first_reader, far_queue_spec()));
    core::OutboxHead head;
    head.parked = model::outbox_messages_max - 1;
    sets.near.put_row(core::keys::outbox_head(far_set), core::encode(head));
    publish(sets.near, news, 2);
    EXPECT_EQ(sets.figures(near_set).waiting, 1U);
    const auto items = ready(sets.near, first_reader);
    ASSERT_EQ(items.size(), 1U);
    EXPECT_EQ(
        sets.near.refused(model::FeedQueue{first_reader, items[0].sequence, items[0].generation}),
        Reason::overloaded);
}

}  // namespace
}  // namespace penstock::testing
