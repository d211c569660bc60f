// Topics: who gets a message, queue subscribers fed in the publish's own entry, filters that come
// and go, retention.
#include "tests/core/commands.h"
#include "tests/support/core_invariants.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::MessageId;
using model::Reason;
using model::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

CoreDriver with_news(model::FilterKind filter = model::FilterKind::tags,
                     std::uint32_t retention_s = 86'400) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_topic(news, filter, retention_s));
    return driver;
}

MessageId publish_tagged(CoreDriver& driver, std::vector<std::string> tags) {
    return driver.apply_as<model::Sent>(make_publish(news), {body(10, std::move(tags))}).ids.at(0);
}

std::uint64_t backlog(const CoreDriver& driver, model::SubscriptionNo subscription) {
    return core::subscription_info(driver.rows(), subscription)->backlog;
}

model::FeedQueue feeding(const core::ReadyItem& item) {
    return {first_reader, item.sequence, item.generation};
}

TEST(Topic, EverySubscriptionGetsWhatIsPublishedAfterItCame) {
    CoreDriver driver = with_news();
    publish(driver, news);
    driver.done(make_subscription(first_reader, http_spec()));
    publish(driver, news);
    driver.done(make_subscription(second_reader, http_spec()));
    const auto ids = publish(driver, news);
    EXPECT_TRUE(driver.signalled_ready(first_reader));
    EXPECT_TRUE(driver.signalled_ready(second_reader));
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2, 3));
    EXPECT_THAT(ready_sequences(driver, second_reader), ElementsAre(3));
    const core::ReadyItem item = ready(driver, second_reader)[0];
    EXPECT_EQ(item.message, ids[0]);
    EXPECT_EQ(item.attempt, 1U);
    EXPECT_EQ(item.logged_ms, CoreDriver::start_ms);
    EXPECT_EQ(backlog(driver, first_reader), 2U);
    EXPECT_THAT(core::subscriptions_of(driver.rows(), news),
                ElementsAre(first_reader, second_reader));
}

TEST(Topic, TagsChooseTheSubscriptions) {
    CoreDriver driver = with_news();
    driver.done(make_subscription(first_reader, tagged_spec({"red", "blue"})));
    driver.done(make_subscription(second_reader, http_spec()));
    publish_tagged(driver, {});
    EXPECT_FALSE(driver.signalled_ready(first_reader));
    publish_tagged(driver, {"blue", "green"});
    EXPECT_TRUE(driver.signalled_ready(first_reader));
    publish_tagged(driver, {"Red"});
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2));
    EXPECT_THAT(ready_sequences(driver, second_reader), ElementsAre(1, 2, 3));
}

TEST(Topic, RoutingKeysChooseTheSubscriptions) {
    CoreDriver driver = with_news(model::FilterKind::routing_key);
    model::SubscriptionSpec spec = http_spec();
    spec.binding_keys = {"orders.*.paid", "refunds.#"};
    driver.done(make_subscription(first_reader, spec));
    driver.apply_as<model::Sent>(make_publish(news, 4),
                                 {routed_body("orders.7.paid"),
                                  routed_body("orders.paid"),
                                  routed_body("refunds"),
                                  routed_body("orders.7.8.paid")});
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1, 3));
}

TEST(Topic, APublishMayInsistOnAReceiver) {
    CoreDriver driver = with_news();
    model::Publish insisting = make_publish(news);
    insisting.want_receiver = true;
    EXPECT_EQ(driver.refused(insisting, bodies(1)), Reason::topic_without_subscription);
    driver.done(make_subscription(first_reader, tagged_spec({"red"})));
    EXPECT_EQ(driver.refused(insisting, bodies(1)), Reason::nothing_matched);
    EXPECT_EQ(driver.live_bodies(), 0U);
    driver.apply_as<model::Sent>(insisting, {body(10, {"red"})});
    driver.apply_as<model::Sent>(make_publish(news), bodies(1));
}

TEST(Topic, ADelayedPublishIsMatchedWhenItsDelayIsOver) {
    CoreDriver driver = with_news();
    driver.done(make_subscription(first_reader, tagged_spec({"red"})));
    const auto ids = driver
                         .apply_as<model::Sent>(make_publish(news, 2, 5'000),
                                                {body(10, {"red"}), body(10, {"blue"})})
                         .ids;
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    driver.advance(5'000);
    ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
    EXPECT_EQ(ready(driver, first_reader)[0].message, ids[0]);
    EXPECT_EQ(driver.live_bodies(), 2U);
}

TEST(Topic, IsDeletedOnlyWithoutSubscriptionsAndLeavesNoRow) {
    CoreDriver driver = with_news();
    driver.done(make_queue(morgue));
    model::SubscriptionSpec spec = tagged_spec({"red"});
    spec.dead_letter = morgue;
    driver.done(make_subscription(first_reader, spec));
    driver.done(make_subscription(second_reader, http_spec(morgue)));
    for (int round = 0; round < 5; ++round) publish_tagged(driver, {"red"});
    driver.apply_as<model::Sent>(make_publish(news, 1, 5'000, "key"), bodies(1));
    settle(driver, first_reader, {1, 3}, Verdict::retry);
    settle(driver, second_reader, {2}, Verdict::rejected);
    settle(driver, second_reader, {4}, Verdict::accepted);
    EXPECT_EQ(driver.refused(model::DeleteTopic{news}), Reason::topic_has_subscriptions);
    EXPECT_EQ(driver.refused(model::DeleteQueue{morgue}), Reason::dead_letter_in_use);
    driver.done(model::Unsubscribe{first_reader});
    driver.done(model::Unsubscribe{second_reader});
    driver.done(model::DeleteTopic{news});
    EXPECT_EQ(driver.refused(make_publish(news), bodies(1)), Reason::topic_not_found);
    driver.done(model::DeleteQueue{morgue});
    driver.advance(1'000'000'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
    EXPECT_THAT(object_rows(driver.rows()), IsEmpty());
}

TEST(Topic, BodiesAreCheckedAgainstItsOwnLimit) {
    CoreDriver driver = with_news();
    EXPECT_EQ(driver.refused(make_publish(news), {body(65'537)}), Reason::body_too_large);
    EXPECT_EQ(driver.refused(make_publish(news), {body(0)}), Reason::body_empty);
}

TEST(QueueSubscriber, IsFedInThePublishsEntryByReference) {
    CoreDriver driver = with_news();
    driver.done(make_queue(orders));
    driver.done(make_subscription(first_reader, queue_spec(orders)));
    const auto ids = publish(driver, news, 2);
    EXPECT_TRUE(driver.signalled_visible(orders));
    EXPECT_FALSE(driver.signalled_ready(first_reader));
    EXPECT_EQ(driver.live_bodies(), 2U);
    EXPECT_EQ(backlog(driver, first_reader), 0U);
    const auto got = receive(driver, orders, 16);
    ASSERT_THAT(got, SizeIs(2));
    EXPECT_EQ(got[1].message, ids[1]);
    for (const auto& message : got) remove(driver, orders, message.receipt);
    driver.advance(1'000);
    EXPECT_EQ(driver.live_bodies(), 2U);
    driver.advance(86'402'000);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

TEST(QueueSubscriber, KeepsABodyThatTheTopicHasLetGo) {
    CoreDriver driver = with_news(model::FilterKind::tags, 60);
    driver.done(make_queue(orders));
    driver.done(make_subscription(first_reader, queue_spec(orders)));
    publish(driver, news);
    driver.advance(70'000);
    EXPECT_EQ(core::topic_info(driver.rows(), news)->messages, 0U);
    EXPECT_EQ(driver.live_bodies(), 1U);
    EXPECT_THAT(receive(driver, orders), SizeIs(1));
}

TEST(QueueSubscriber, OfAFullQueueIsFedLaterInOrder) {
    CoreDriver driver = with_news();
    driver.done(make_queue(orders, holding(1)));
    driver.done(make_subscription(first_reader, queue_spec(orders)));
    const auto ids = publish(driver, news, 2);
    EXPECT_TRUE(driver.signalled_ready(first_reader));
    ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
    EXPECT_EQ(ready(driver, first_reader)[0].message, ids[1]);
    EXPECT_EQ(driver.refused(feeding(ready(driver, first_reader)[0])), Reason::queue_full);
    driver.done(model::SetQueue{orders, holding(100)});
    const auto later = publish(driver, news);
    const auto waiting = ready(driver, first_reader);
    ASSERT_THAT(waiting, SizeIs(2));
    EXPECT_EQ(waiting[1].message, later[0]);
    driver.done(feeding(waiting[0]));
    EXPECT_TRUE(driver.signalled_visible(orders));
    driver.done(feeding(waiting[0]));
    driver.done(feeding(waiting[1]));
    EXPECT_EQ(backlog(driver, first_reader), 0U);
    const auto straight = publish(driver, news);
    const auto got = receive(driver, orders, 16);
    ASSERT_THAT(got, SizeIs(4));
    EXPECT_EQ(got[0].message, ids[0]);
    EXPECT_EQ(got[1].message, ids[1]);
    EXPECT_EQ(got[2].message, later[0]);
    EXPECT_EQ(got[3].message, straight[0]);
}

TEST(QueueSubscriber, OfAPausedQueueOrGoneQueueWaits) {
    CoreDriver driver = with_news();
    driver.done(make_queue(orders));
    driver.done(make_subscription(first_reader, queue_spec(orders)));
    model::QueueAttributes paused;
    paused.paused = true;
    driver.done(model::SetQueue{orders, paused});
    publish(driver, news);
    ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
    EXPECT_EQ(driver.refused(feeding(ready(driver, first_reader)[0])), Reason::queue_full);
    driver.done(model::DeleteQueue{orders});
    publish(driver, news);
    EXPECT_EQ(driver.refused(feeding(ready(driver, first_reader)[0])), Reason::queue_not_found);
    EXPECT_EQ(backlog(driver, first_reader), 2U);
}

TEST(QueueSubscriber, PausedKeepsItsBacklogForLater) {
    CoreDriver driver = with_news();
    driver.done(make_queue(orders));
    model::SubscriptionSpec spec = queue_spec(orders);
    spec.state = model::SubscriptionState::paused;
    driver.done(make_subscription(first_reader, spec));
    publish(driver, news, 3);
    EXPECT_EQ(backlog(driver, first_reader), 3U);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    spec.state = model::SubscriptionState::active;
    driver.done(model::SetSubscription{first_reader, spec});
    EXPECT_THAT(ready(driver, first_reader), SizeIs(3));
}

TEST(QueueSubscriber, OfAQueueThatIsNotThereIsRefused) {
    CoreDriver driver = with_news();
    EXPECT_EQ(driver.refused(make_subscription(first_reader, queue_spec(orders))),
              Reason::queue_not_found);
}

TEST(Filter, SetLaterKeepsTheBacklogAndAppliesToWhatComes) {
    CoreDriver driver = with_news();
    driver.done(make_subscription(first_reader, http_spec()));
    publish(driver, news, 4);
    settle(driver, first_reader, {1, 3}, Verdict::accepted);
    driver.done(model::SetSubscription{first_reader, tagged_spec({"red"})});
    EXPECT_EQ(backlog(driver, first_reader), 2U);
    publish_tagged(driver, {"blue"});
    publish_tagged(driver, {"red"});
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2, 4, 6));
    settle(driver, first_reader, {6, 4, 2}, Verdict::accepted);
    EXPECT_EQ(backlog(driver, first_reader), 0U);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
}

TEST(Filter, ClearedKeepsTheBacklogAndTakesAllThatComes) {
    CoreDriver driver = with_news();
    driver.done(make_subscription(first_reader, tagged_spec({"red"})));
    publish_tagged(driver, {"red"});
    publish_tagged(driver, {"blue"});
    driver.done(model::SetSubscription{first_reader, http_spec()});
    publish_tagged(driver, {"blue"});
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1, 3));
    settle(driver, first_reader, {3, 1}, Verdict::accepted);
    publish_tagged(driver, {});
    publish_tagged(driver, {});
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(4, 5));
    EXPECT_EQ(backlog(driver, first_reader), 2U);
}

TEST(Filter, MayComeAndGoManyTimes) {
    CoreDriver driver = with_news();
    driver.done(make_subscription(first_reader, http_spec()));
    model::Sequence next = 1;
    for (int round = 0; round < 6; ++round) {
        const bool filtered = round % 2 == 0;
        driver.done(
            model::SetSubscription{first_reader, filtered ? tagged_spec({"red"}) : http_spec()});
        for (int message = 0; message < 5; ++message) publish_tagged(driver, {"blue"});
        publish_tagged(driver, {"red"});
        const std::size_t expected = filtered ? 1 : 6;
        next += 6;
        auto sequences = ready_sequences(driver, first_reader);
        ASSERT_THAT(sequences, SizeIs(expected)) << "round " << round;
        EXPECT_EQ(sequences.back(), next - 1);
        std::swap(sequences.front(), sequences.back());
        settle(driver, first_reader, sequences, Verdict::accepted);
        EXPECT_EQ(backlog(driver, first_reader), 0U);
    }
}

TEST(TopicRetention, PassesThePausedAndBuriesTheFailing) {
    CoreDriver driver = with_news(model::FilterKind::tags, 60);
    driver.done(make_queue(morgue));
    model::SubscriptionSpec paused = http_spec(morgue);
    driver.done(make_subscription(first_reader, paused));
    driver.done(make_subscription(second_reader, http_spec()));
    publish(driver, news, 3);
    settle(driver, first_reader, {2}, Verdict::retry);
    settle(driver, second_reader, {1, 3}, Verdict::retry);
    paused.state = model::SubscriptionState::paused;
    driver.done(model::SetSubscription{first_reader, paused});
    driver.advance(61'500);
    EXPECT_EQ(backlog(driver, first_reader), 0U);
    const auto letters = core::dead_letters(driver.rows(), morgue, 0, 10).items;
    ASSERT_THAT(letters, SizeIs(1));
    EXPECT_EQ(letters[0].dead->source, first_reader);
    EXPECT_EQ(letters[0].dead->source_name, "topic-10/subscription-11");
    EXPECT_EQ(letters[0].dead->attempts, 1U);
    EXPECT_EQ(core::subscription_info(driver.rows(), second_reader)->dropped, 2U);
    EXPECT_EQ(driver.live_bodies(), 1U);
    publish(driver, news);
    EXPECT_THAT(ready_sequences(driver, second_reader), ElementsAre(4));
}

TEST(TopicRetention, PassesFilteredBacklogsAlike) {
    CoreDriver driver = with_news(model::FilterKind::tags, 60);
    driver.done(make_subscription(first_reader, tagged_spec({"red"})));
    for (int round = 0; round < 3; ++round) {
        publish_tagged(driver, {"blue"});
        publish_tagged(driver, {"red"});
        driver.advance(30'000);
    }
    driver.advance(1'500);
    EXPECT_EQ(core::topic_info(driver.rows(), news)->messages, 2U);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(6));
    EXPECT_EQ(backlog(driver, first_reader), 1U);
}

TEST(TopicRetention, KeepsDeliveredMessagesForAsLong) {
    CoreDriver driver = with_news(model::FilterKind::tags, 60);
    driver.done(make_subscription(first_reader, http_spec()));
    publish(driver, news);
    settle(driver, first_reader, {1}, Verdict::accepted);
    driver.advance(59'000);
    EXPECT_EQ(core::topic_info(driver.rows(), news)->messages, 1U);
    driver.advance(3'000);
    EXPECT_EQ(core::topic_info(driver.rows(), news)->messages, 0U);
    EXPECT_EQ(driver.live_bodies(), 0U);
}

}  // namespace

}  // namespace penstock::testing
