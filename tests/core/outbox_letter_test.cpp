// Dead letters, redrives and handlers' outputs between two sets: what is refused stays, or comes
// back, where it is seen.
#include "broker/core/outbox.h"
#include "tests/core/function_commands.h"
#include "tests/core/two_sets.h"

namespace penstock::testing {
namespace {

using model::Reason;
using model::TransferOutcome;

constexpr auto taken = TransferOutcome::taken;
constexpr auto refused = TransferOutcome::refused;

std::vector<core::DeadLetter> letters(const CoreDriver& driver, model::QueueNo queue = morgue) {
    return core::dead_letters(driver.rows(), queue, 0, 100).items;
}

// A subscription whose failed deliveries die at once, into a queue of the other set.
struct FarMorgue : TwoSets {
    explicit FarMorgue(model::QueueAttributes attributes = {}) {
        far.done(make_queue(morgue, attributes));
        near.done(make_topic(news));
        auto spec = http_spec({}, model::custom_retry({}));
        spec.dead_letter = testing::far(morgue);
        near.done(make_subscription(first_reader, spec));
    }
};

TEST(OutboxLetter, ADeadDeliveryStaysUntilTheOtherSetHasIt) {
    FarMorgue sets;
    const auto ids = publish(sets.near, news);
    settle(sets.near, first_reader, {1}, model::Verdict::retry);
    EXPECT_EQ(core::subscription_info(sets.near.rows(), first_reader)->backlog, 1U);
    EXPECT_EQ(ready(sets.near, first_reader).size(), 0U);
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken}));
    EXPECT_EQ(core::subscription_info(sets.near.rows(), first_reader)->backlog, 0U);
    const auto found = letters(sets.far);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].message, ids[0]);
    EXPECT_EQ(found[0].body.set(), far_set);
    EXPECT_EQ(found[0].dead->source, (model::Place{near_set, first_reader}));
    EXPECT_EQ(found[0].dead->source_name, "topic-10/subscription-11");
    EXPECT_EQ(found[0].dead->failure, model::Failure::status);
    EXPECT_EQ(found[0].dead->status, 500);
    EXPECT_EQ(found[0].dead->attempts, 1U);
    EXPECT_EQ(found[0].dead->excerpt, "Internal Server Error");
}

TEST(OutboxLetter, AFullQueueOfLettersIsTriedAgainEveryHalfMinute) {
    FarMorgue sets(holding(0));
    publish(sets.near, news);
    settle(sets.near, first_reader, {1}, model::Verdict::rejected);
    EXPECT_EQ(sets.exchange(near_set), (std::vector{refused}));
    EXPECT_EQ(core::waiting_deliveries(sets.near.rows(), first_reader, 0, 10).size(), 1U);
    EXPECT_EQ(sets.figures(near_set).waiting, 0U);
    sets.near.advance(29'999);
    EXPECT_EQ(sets.figures(near_set).waiting, 0U);
    sets.near.advance(1);
    EXPECT_EQ(sets.figures(near_set).waiting, 1U);
    sets.far.done(model::SetQueue{morgue, holding(1)});
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken}));
    EXPECT_EQ(letters(sets.far)[0].dead->failure, model::Failure::status);
    EXPECT_EQ(core::subscription_info(sets.near.rows(), first_reader)->backlog, 0U);
}

TEST(OutboxLetter, ALetterWhoseMessageExpiresOnTheWayArrivesOrIsCounted) {
    for (const std::uint64_t room : {1, 0}) {
        FarMorgue sets(holding(room));
        sets.near.done(model::SetTopic{news, {65'536, model::FilterKind::tags, 60}});
        publish(sets.near, news);
        settle(sets.near, first_reader, {1}, model::Verdict::rejected);
        sets.near.advance(120'000);
        EXPECT_EQ(core::subscription_info(sets.near.rows(), first_reader)->backlog, 0U);
        EXPECT_EQ(sets.near.live_bodies(), 1U);
        sets.exchange(near_set);
        EXPECT_EQ(letters(sets.far).size(), room);
        EXPECT_EQ(core::subscription_info(sets.near.rows(), first_reader)->dropped, 1U - room);
        EXPECT_EQ(sets.near.live_bodies(), 0U);
    }
}

// ---- queues ------------------------------------------------------------------------------------

TEST(OutboxLetter, AMessageReceivedTooOftenMovesAndIsSeenByNobodyMeanwhile) {
    TwoSets sets;
    sets.far.done(make_queue(morgue));
    auto attributes = dead_by_receives({}, 1);
    attributes.dead_letter->queue = far(morgue);
    sets.near.done(make_queue(orders, attributes));
    const auto ids = send(sets.near, orders, 2);
    receive(sets.near, orders, 1, 1'000);
    sets.near.advance(1'000);
    EXPECT_EQ(counts(sets.near, orders).inactive, 1U);
    EXPECT_EQ(letters(sets.near, orders)[0].state, "moving");
    EXPECT_EQ(received_ids(sets.near, orders), (std::vector{ids[1]}));
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken}));
    EXPECT_EQ(counts(sets.near, orders).inactive, 1U);  // the second one's lease
    const auto found = letters(sets.far);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].message, ids[0]);
    EXPECT_EQ(found[0].dead->failure, model::Failure::receives);
    EXPECT_EQ(found[0].dead->source, (model::Place{near_set, orders}));
}

TEST(OutboxLetter, ARefusedMessageOfAQueueIsVisibleAgain) {
    TwoSets sets;
    auto attributes = dead_by_receives({}, 1);
    attributes.dead_letter->queue = far(morgue);  // there is no such queue
    sets.near.done(make_queue(orders, attributes));
    const auto ids = send(sets.near, orders);
    receive(sets.near, orders, 1, 1'000);
    sets.near.advance(1'000);
    EXPECT_TRUE(received_ids(sets.near, orders).empty());
    EXPECT_EQ(sets.exchange(near_set), (std::vector{refused}));
    EXPECT_TRUE(sets.near.signalled_visible(orders));
    EXPECT_EQ(received_ids(sets.near, orders), ids);
}

TEST(OutboxLetter, MessagesTooOldMoveFreshOnesAndReadyOnes) {
    TwoSets sets;
    sets.far.done(make_queue(morgue, holding(2)));
    auto attributes = dead_by_age({}, 300);
    attributes.dead_letter->queue = far(morgue);
    sets.near.done(make_queue(orders, attributes));
    const auto ids = send(sets.near, orders, 3);
    receive(sets.near, orders, 1, 1'000);
    sets.near.advance(300'000);
    EXPECT_EQ(counts(sets.near, orders).inactive, 3U);
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken, taken, refused}));
    EXPECT_EQ(counts(sets.near, orders).active, 1U);
    EXPECT_EQ(counts(sets.near, orders).inactive, 0U);
    // Not at once, but after a pause.
    sets.near.advance(29'999);
    EXPECT_EQ(sets.figures(near_set).waiting, 0U);
    sets.near.advance(1);
    EXPECT_EQ(sets.figures(near_set).waiting, 1U);
    sets.far.done(model::SetQueue{morgue, holding(9)});
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken}));
    EXPECT_EQ(counts(sets.near, orders).active, 0U);
    ASSERT_EQ(letters(sets.far).size(), 3U);
    EXPECT_EQ(letters(sets.far)[0].dead->failure, model::Failure::time_to_live);
}

TEST(OutboxLetter, AQueueClearedRewoundOrDeletedMeanwhileIsNotTouchedByTheAnswer) {
    for (const int what : {0, 1, 2}) {
        TwoSets sets;
        auto attributes = dead_by_receives({}, 1);
        attributes.dead_letter->queue = far(morgue);
        attributes.rewind_s = 3'600;
        sets.near.done(make_queue(orders, attributes));
        send(sets.near, orders, 2);
        receive(sets.near, orders, 1, 1'000);
        sets.near.advance(1'000);
        if (what == 0) sets.near.done(model::ClearQueue{orders});
        if (what == 1) sets.near.done(model::RewindQueue{orders, sets.near.now_ms() - 1'000});
        if (what == 2) sets.near.done(model::DeleteQueue{orders});
        EXPECT_EQ(sets.exchange(near_set), (std::vector{refused}));
        if (what == 0) {
            EXPECT_EQ(counts(sets.near, orders).active, 0U);
        }
        if (what == 1) {
            EXPECT_EQ(counts(sets.near, orders).active, 2U);
        }
        sets.near.advance(10'000);
    }
}

TEST(OutboxLetter, AMovingMessageThatExpiresIsGoneWithTheAnswer) {
    TwoSets sets;
    auto attributes = dead_by_receives({}, 1);
    attributes.dead_letter->queue = far(morgue);
    attributes.retention_s = 60;
    sets.near.done(make_queue(orders, attributes));
    send(sets.near, orders);
    receive(sets.near, orders, 1, 1'000);
    sets.near.advance(120'000);
    EXPECT_EQ(sets.exchange(near_set), (std::vector{refused}));
    EXPECT_EQ(counts(sets.near, orders).active, 0U);
    EXPECT_EQ(counts(sets.near, orders).inactive, 0U);
    sets.near.advance(10'000);
    EXPECT_EQ(sets.near.live_bodies(), 0U);
}

// ---- redrive -----------------------------------------------------------------------------------

TEST(OutboxLetter, ARedriveGoesBackToASubscriptionAndAQueueOfAnotherSet) {
    FarMorgue sets;
    auto attributes = dead_by_receives({}, 1);
    attributes.dead_letter->queue = far(morgue);
    sets.near.done(make_queue(orders, attributes));
    const auto sent = send(sets.near, orders);
    receive(sets.near, orders, 1, 1'000);
    sets.near.advance(1'000);
    const auto published = publish(sets.near, news);
    settle(sets.near, first_reader, {1}, model::Verdict::rejected);
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken, taken}));
    EXPECT_EQ(sets.far.apply_as<model::Started>(model::Redrive{morgue, {}}).items, 2U);
    sets.far.run_due();
    EXPECT_EQ(counts(sets.far, morgue).active, 0U);
    EXPECT_EQ(sets.exchange(far_set), (std::vector{taken, taken}));
    const auto again = receive(sets.near, orders);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].message, sent[0]);
    EXPECT_EQ(again[0].receives, 1U);
    EXPECT_EQ(again[0].body.set(), near_set);
    const auto items = ready(sets.near, first_reader);
    ASSERT_EQ(items.size(), 1U);
    EXPECT_EQ(items[0].message, published[0]);
    EXPECT_EQ(items[0].attempt, 1U);
    EXPECT_EQ(items[0].body.set(), near_set);
    EXPECT_NE(items[0].body, published[0]);
}

TEST(OutboxLetter, ARedriveThatIsRefusedBringsTheLetterBack) {
    FarMorgue sets;
    publish(sets.near, news);
    settle(sets.near, first_reader, {1}, model::Verdict::rejected);
    sets.exchange(near_set);
    sets.near.done(model::Unsubscribe{first_reader});
    const auto before = letters(sets.far);
    sets.far.apply_as<model::Started>(model::Redrive{morgue, {}});
    sets.far.run_due();
    EXPECT_TRUE(letters(sets.far).empty());
    const auto on_the_way = core::letters_on_the_way(sets.far.rows());
    EXPECT_TRUE(on_the_way.may_be_of(morgue));
    EXPECT_FALSE(on_the_way.may_be_of(orders));
    EXPECT_EQ(sets.exchange(far_set), (std::vector{refused}));
    EXPECT_FALSE(core::letters_on_the_way(sets.far.rows()).may_be_of(morgue));
    const auto after = letters(sets.far);
    ASSERT_EQ(after.size(), 1U);
    EXPECT_EQ(after[0].message, before[0].message);
    EXPECT_EQ(after[0].dead, before[0].dead);
    sets.far.run_due();
    EXPECT_EQ(sets.figures(far_set).waiting, 0U);  // and it is not tried for ever
}

TEST(OutboxLetter, ALetterRefusedAfterItsQueueWasClearedStaysAway) {
    FarMorgue sets;
    publish(sets.near, news);
    settle(sets.near, first_reader, {1}, model::Verdict::rejected);
    sets.exchange(near_set);
    sets.near.done(model::Unsubscribe{first_reader});
    sets.far.apply_as<model::Started>(model::Redrive{morgue, {}});
    sets.far.run_due();
    sets.far.done(model::ClearQueue{morgue});
    EXPECT_EQ(sets.exchange(far_set), (std::vector{refused}));
    EXPECT_TRUE(letters(sets.far).empty());
}

// ---- handlers' outputs -------------------------------------------------------------------------

// A function whose outputs go to the other set.
struct FarOutputs : TwoSets {
    explicit FarOutputs(model::Place dead_letter = {}) {
        near.done(make_queue(morgue));
        near.done(make_topic(news));
        auto spec = http_spec({}, model::custom_retry({}));
        spec.dead_letter = dead_letter;
        near.done(make_subscription(first_reader, spec));
        publish(near, news, 3);
    }

    void handle(model::Sequence sequence, std::vector<model::Output> outputs) {
        model::Settle command;
        command.subscription = first_reader;
        command.items = {outcome(sequence, model::Verdict::accepted)};
        const auto count = static_cast<std::uint32_t>(outputs.size());
        command.commits = {{0, std::move(outputs), {}, {}}};
        near.done(command, bodies(count));
    }
};

TEST(OutboxOutput, OutputsReachAQueueAndATopicOfAnotherSet) {
    FarOutputs sets;
    sets.far.done(make_queue(orders));
    sets.far.done(make_topic(news));
    sets.far.done(make_subscription(second_reader, tagged_spec({"red"})));
    sets.handle(1, {{far(orders), true, 0, 0}, {far(news), false, 1, 0}, {far(news), false, 2, 0}});
    const model::LogIndex index = sets.near.index();
    const auto due = sets.due(near_set);
    ASSERT_EQ(due.size(), 3U);
    EXPECT_EQ(sets.hand_over(due[0]).outcome, taken);
    EXPECT_EQ(sets.hand_over(due[1], body(10, {"red"})).outcome, taken);
    EXPECT_EQ(sets.hand_over(due[2], body(10, {"blue"})).outcome, taken);
    EXPECT_EQ(received_ids(sets.far, orders), (std::vector{model::MessageId{near_set, index, 0}}));
    const auto items = ready(sets.far, second_reader);
    ASSERT_EQ(items.size(), 1U);
    EXPECT_EQ(items[0].message, (model::MessageId{near_set, index, 1}));
}

TEST(OutboxOutput, ADelayEndsWhenItWouldHaveEnded) {
    FarOutputs sets;
    sets.far.done(make_queue(orders));
    sets.far.done(make_topic(news));
    sets.far.done(make_subscription(second_reader, http_spec()));
    sets.handle(1, {{far(orders), true, 0, 60'000}, {far(news), false, 1, 60'000}});
    const model::LogIndex index = sets.near.index();
    sets.far.skip(20'000);
    sets.exchange(near_set);
    EXPECT_EQ(counts(sets.far, orders).delayed, 1U);
    sets.far.advance(39'999);
    EXPECT_EQ(counts(sets.far, orders).active, 0U);
    sets.far.advance(1);
    EXPECT_EQ(received_ids(sets.far, orders), (std::vector{model::MessageId{near_set, index, 0}}));
    EXPECT_EQ(ready(sets.far, second_reader).size(), 1U);
    EXPECT_EQ(sets.far.live_bodies(), 2U);
}

TEST(OutboxOutput, AFullQueueIsTriedAgainWithPausesThatGrow) {
    FarOutputs sets;
    sets.far.done(make_queue(orders, holding(0)));
    sets.handle(1, {{far(orders), true, 0, 0}});
    const model::LogIndex index = sets.near.index();
    for (const model::TimeMs pause : {1'000, 2'000, 4'000}) {
        EXPECT_EQ(sets.exchange(near_set), (std::vector{refused}));
        EXPECT_EQ(sets.figures(near_set).parked, 1U);
        sets.near.advance(pause - 1);
        EXPECT_EQ(sets.figures(near_set).waiting, 0U);
        sets.near.advance(1);
        EXPECT_EQ(sets.figures(near_set).waiting, 1U);
        EXPECT_EQ(sets.figures(near_set).parked, 0U);
    }
    sets.far.done(model::SetQueue{orders, {}});
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken}));
    EXPECT_EQ(received_ids(sets.far, orders), (std::vector{model::MessageId{near_set, index, 0}}));
}

TEST(OutboxOutput, AnOutputThatCannotBeIsADeadLetterOfItsSubscriptionWithTheReason) {
    FarOutputs sets(morgue);
    sets.handle(1, {{far(orders), true, 0, 0}});  // there is no such queue
    const model::LogIndex index = sets.near.index();
    EXPECT_EQ(sets.exchange(near_set), (std::vector{refused}));
    const auto found = letters(sets.near);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].message, (model::MessageId{near_set, index, 0}));
    EXPECT_EQ(found[0].dead->failure, model::Failure::output_refused);
    EXPECT_EQ(found[0].dead->excerpt, "the queue does not exist, or was deleted");
    EXPECT_EQ(found[0].dead->source, far(orders));
    EXPECT_EQ(found[0].dead->source_name, "topic-10/subscription-11");
    // Redriven, it goes where it should have gone.
    sets.far.done(make_queue(orders));
    sets.near.apply_as<model::Started>(model::Redrive{morgue, {}});
    sets.near.run_due();
    EXPECT_EQ(sets.exchange(near_set), (std::vector{taken}));
    EXPECT_EQ(received_ids(sets.far, orders), (std::vector{found[0].message}));
    EXPECT_TRUE(letters(sets.near).empty());
}

TEST(OutboxOutput, AfterItsTriesAnOutputToAFullQueueDiesToo) {
    FarOutputs sets(morgue);
    sets.far.done(make_queue(orders, holding(0)));
    sets.handle(1, {{far(orders), true, 0, 0}});
    for (std::uint32_t tries = 0; tries < core::output_tries_max; ++tries) {
        EXPECT_TRUE(letters(sets.near).empty());
        EXPECT_EQ(sets.exchange(near_set), (std::vector{refused}));
        sets.near.advance(core::output_pause_max_ms);
    }
    ASSERT_EQ(letters(sets.near).size(), 1U);
    EXPECT_EQ(letters(sets.near)[0].dead->attempts, core::output_tries_max);
    EXPECT_EQ(sets.figures(near_set).parked, 0U);
}

TEST(OutboxOutput, ItsDeadLetterWaitsForAFullQueueAndForOneInAnotherSet) {
    for (const bool away : {false, true}) {
        FarOutputs sets(away ? far(morgue) : model::Place(morgue));
        CoreDriver& holder = away ? sets.far : sets.near;
        holder.done(make_queue(morgue));
        holder.done(model::SetQueue{morgue, holding(0)});
        sets.handle(1, {{far(orders), true, 0, 0}});
        sets.exchange(near_set);
        if (away) {
            EXPECT_EQ(sets.exchange(near_set), (std::vector{refused}));
        }
        EXPECT_EQ(sets.figures(near_set).parked, 1U);
        holder.done(model::SetQueue{morgue, holding(1)});
        sets.near.advance(30'000);
        if (away) {
            EXPECT_EQ(sets.exchange(near_set), (std::vector{taken}));
        }
        EXPECT_EQ(sets.figures(near_set).parked, 0U);
        ASSERT_EQ(letters(holder).size(), 1U);
        EXPECT_EQ(letters(holder)[0].dead->failure, model::Failure::output_refused);
        EXPECT_EQ(letters(holder)[0].dead->source, far(orders));
    }
}

TEST(OutboxOutput, WithoutADeadLetterQueueARefusedOutputIsCounted) {
    FarOutputs sets;
    sets.handle(1, {{far(orders), true, 0, 0}});
    sets.handle(2, {{far(orders), true, 0, 0}});
    const auto due = sets.due(near_set);
    sets.answer(due[0], sets.hand_over(due[0]));
    sets.near.done(model::Unsubscribe{first_reader});
    sets.answer(due[1], sets.hand_over(due[1]));
    EXPECT_EQ(sets.figures(near_set).dropped, 2U);
    EXPECT_EQ(sets.figures(near_set).refused, 2U);
    sets.near.advance(1'000);
}

// ---- bindings ----------------------------------------------------------------------------------

TEST(BindDeadLetter, AQueueThatOtherSetsNameIsHeldToTheSameRules) {
    TwoSets sets;
    sets.far.done(make_queue(morgue));
    sets.far.done(make_queue(others));
    const auto bind = [](std::uint32_t source, bool from_queue = true, bool bound = true) {
        return model::BindDeadLetter{
            morgue, {near_set, model::ObjectNo{source}}, from_queue, bound};
    };
    for (std::uint32_t source = 100; source < 106; ++source) {
        sets.far.done(bind(source));
        sets.far.done(bind(source));
    }
    EXPECT_EQ(sets.far.refused(bind(106)), Reason::dead_letter_too_many_sources);
    EXPECT_EQ(sets.far.refused(model::SetQueue{others, dead_by_receives(morgue, 2)}),
              Reason::dead_letter_too_many_sources);
    sets.far.done(bind(200, false));  // a subscription
    EXPECT_EQ(core::dead_letter_sources(sets.far.rows(), morgue).size(), 6U);
    EXPECT_EQ(sets.far.refused(model::DeleteQueue{morgue}), Reason::dead_letter_in_use);
    EXPECT_EQ(sets.far.refused(model::SetQueue{morgue, dead_by_receives(others, 2)}),
              Reason::dead_letter_nested);
    for (std::uint32_t source = 100; source < 106; ++source) {
        sets.far.done(bind(source, true, false));
    }
    sets.far.done(bind(200, false, false));
    sets.far.done(model::SetQueue{others, dead_by_receives(morgue, 2)});
    EXPECT_EQ(sets.far.refused(model::BindDeadLetter{others, {near_set, orders}, true, true}),
              Reason::dead_letter_nested);
    EXPECT_EQ(
        sets.far.refused(model::BindDeadLetter{model::QueueNo{99}, {near_set, orders}, true, true}),
        Reason::queue_not_found);
}

TEST(BindDeadLetter, AQueueOthersDieIntoNamesNoneInAnotherSet) {
    TwoSets sets;
    sets.near.done(make_queue(morgue));
    sets.near.done(make_queue(orders, dead_by_receives(morgue, 2)));
    auto attributes = dead_by_receives({}, 1);
    attributes.dead_letter->queue = far(others);
    EXPECT_EQ(sets.near.refused(model::SetQueue{morgue, attributes}), Reason::dead_letter_nested);
}

}  // namespace
}  // namespace penstock::testing
