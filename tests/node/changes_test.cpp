// Changes of one object at a time: none is lost, each is made on what the one before left, and only
// if the object is as expected.
#include "broker/node/changes.h"

#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

#include <any>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

namespace {

using model::Reason;

api::Expected only(std::uint64_t digest) {
    return std::vector<std::uint64_t>{digest};
}

api::SetQueue set_visibility(std::uint32_t seconds, api::Expected expected = std::nullopt) {
    api::SetQueue request;
    request.name = "orders";
    request.change.visibility_s = seconds;
    request.expected = std::move(expected);
    return request;
}

api::SetQueue set_retention(std::uint32_t seconds) {
    api::SetQueue request;
    request.name = "orders";
    request.change.retention_s = seconds;
    return request;
}

api::CreateTopic create_topic(std::string name) {
    api::CreateTopic request;
    request.name = std::move(name);
    return request;
}

TEST(Change, TwoOfAQueueInFlightBothSurvive) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto first = node.start(set_visibility(60));
    const auto second = node.start(set_retention(7'200));
    node.settle_down();
    ASSERT_TRUE(*first);
    ASSERT_TRUE(*second);
    EXPECT_EQ(second->value().attributes.visibility_s, 60U);
    const auto view = node.ask(api::GetQueue{"orders"});
    EXPECT_EQ(view->attributes.visibility_s, 60U);
    EXPECT_EQ(view->attributes.retention_s, 7'200U);
}

TEST(Change, TwoOfATopicInFlightBothSurvive) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_topic("news")));
    api::SetTopic retention;
    retention.name = "news";
    retention.retention_s = 7'200;
    api::SetTopic size;
    size.name = "news";
    size.message_bytes_max = 2'048;
    node.start(retention);
    node.start(size);
    node.settle_down();
    const auto view = node.ask(api::GetTopic{"news"});
    EXPECT_EQ(view->attributes.retention_s, 7'200U);
    EXPECT_EQ(view->attributes.message_bytes_max, 2'048U);
}

TEST(Change, TwoOfASubscriptionInFlightBothSurvive) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_topic("news")));
    ASSERT_TRUE(node.ask(subscribe("news", "hook")));
    api::SetSubscription concurrency;
    concurrency.topic = "news";
    concurrency.name = "hook";
    concurrency.concurrency = 3;
    api::SetSubscription pause;
    pause.topic = "news";
    pause.name = "hook";
    pause.state = model::SubscriptionState::paused;
    node.start(concurrency);
    node.start(pause);
    node.settle_down();
    const auto view = node.ask(api::GetSubscription{"news", "hook"});
    EXPECT_EQ(view->spec.concurrency, 3U);
    EXPECT_EQ(view->spec.state, model::SubscriptionState::paused);
}

TEST(Change, TheyAreMadeInTheOrderTheyCame) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    std::vector<Asked<api::SetQueue>> all;
    for (std::uint32_t at = 1; at <= 5; ++at) all.push_back(node.start(set_visibility(at)));
    node.settle_down();
    for (std::uint32_t at = 1; at <= 5; ++at) {
        ASSERT_TRUE(*all[at - 1]);
        EXPECT_EQ(all[at - 1]->value().attributes.visibility_s, at);
    }
    EXPECT_EQ(node.ask(api::GetQueue{"orders"})->attributes.visibility_s, 5U);
}

TEST(Change, OneBehindARefusedOneGoesOn) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto refused = node.start(set_visibility(1'000'000));
    const auto next = node.start(set_visibility(60));
    node.settle_down();
    EXPECT_EQ(refused->error().reason, Reason::invalid_parameter);
    EXPECT_TRUE(*next);
}

TEST(Change, OneBehindADeleteFindsNothing) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto deleted = node.start(api::DeleteQueue{"orders"});
    const auto next = node.start(set_visibility(60));
    node.settle_down();
    EXPECT_TRUE(*deleted);
    EXPECT_EQ(next->error().reason, Reason::queue_not_found);
}

TEST(Change, OfObjectsBesideEachOtherNoneWaits) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(create_queue("bills")));
    api::SetQueue other = set_visibility(60);
    other.name = "bills";
    const auto first = node.start(set_visibility(60));
    const auto second = node.start(other);
    for (int turn = 0; turn < 1'000 && !first.answered(); ++turn) node.step();
    EXPECT_TRUE(second.answered());
}

TEST(Change, TooManyThatWaitAreRefused) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    std::vector<Asked<api::SetQueue>> all;
    for (std::size_t at = 0; at < node::waiting_changes_max + 2; ++at) {
        all.push_back(node.start(set_visibility(60)));
    }
    node.settle_down();
    EXPECT_EQ(all.back()->error().reason, Reason::overloaded);
    all.pop_back();
    for (const auto& asked : all) EXPECT_TRUE(*asked);
    EXPECT_TRUE(node.ask(set_visibility(61)));
}

// ---- what is expected --------------------------------------------------------------------------

TEST(Expected, AStaleChangeIsRefusedAndChangesNothing) {
    SteppedNode node;
    const auto created = node.ask(create_queue("orders"));
    ASSERT_TRUE(created);
    const auto changed = node.ask(set_visibility(60, only(created->digest)));
    ASSERT_TRUE(changed);
    EXPECT_NE(changed->digest, created->digest);
    const auto stale = node.ask(set_visibility(61, only(created->digest)));
    EXPECT_EQ(stale.error().reason, Reason::precondition_failed);
    EXPECT_EQ(stale.error().subject, "orders");
    const auto view = node.ask(api::GetQueue{"orders"});
    EXPECT_EQ(view->attributes.visibility_s, 60U);
    EXPECT_EQ(view->digest, changed->digest);
    const std::vector<std::uint64_t> either{created->digest, changed->digest};
    EXPECT_TRUE(node.ask(set_visibility(61, either)));
}

TEST(Expected, OfTwoInFlightThatExpectTheSameOneIsRefused) {
    SteppedNode node;
    const auto created = node.ask(create_queue("orders"));
    ASSERT_TRUE(created);
    const auto first = node.start(set_visibility(60, only(created->digest)));
    const auto second = node.start(set_visibility(61, only(created->digest)));
    node.settle_down();
    EXPECT_TRUE(*first);
    EXPECT_EQ(second->error().reason, Reason::precondition_failed);
}

TEST(Expected, NothingIsNeverThere) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const auto none = node.ask(set_visibility(60, std::vector<std::uint64_t>()));
    EXPECT_EQ(none.error().reason, Reason::precondition_failed);
}

TEST(Expected, ADeleteIsHeldToItToo) {
    SteppedNode node;
    const auto queue = node.ask(create_queue("orders"));
    const auto topic = node.ask(create_topic("news"));
    const auto subscription = node.ask(subscribe("news", "hook"));
    ASSERT_TRUE(queue && topic && subscription);
    const std::vector<std::uint64_t> other{1};
    EXPECT_EQ(node.ask(api::DeleteQueue{"orders", other}).error().reason,
              Reason::precondition_failed);
    EXPECT_EQ(node.ask(api::Unsubscribe{"news", "hook", other}).error().reason,
              Reason::precondition_failed);
    EXPECT_TRUE(node.ask(api::Unsubscribe{"news", "hook", only(subscription->digest)}));
    EXPECT_EQ(node.ask(api::DeleteTopic{"news", other}).error().reason,
              Reason::precondition_failed);
    EXPECT_TRUE(node.ask(api::DeleteTopic{"news", only(topic->digest)}));
    EXPECT_TRUE(node.ask(api::DeleteQueue{"orders", only(queue->digest)}));
}

TEST(Expected, TheDigestIsOfTheDefinitionAlone) {
    SteppedNode node;
    const auto created = node.ask(create_queue("orders"));
    ASSERT_TRUE(created);
    const auto other = node.ask(create_queue("bills"));
    EXPECT_NE(other->digest, created->digest) << "another object";
    ASSERT_TRUE(node.ask(send("orders", {"a"})));
    ASSERT_TRUE(node.ask(set_visibility(60)));
    EXPECT_NE(node.ask(api::GetQueue{"orders"})->digest, created->digest);
    ASSERT_TRUE(node.ask(set_visibility(created->attributes.visibility_s)));
    EXPECT_EQ(node.ask(api::GetQueue{"orders"})->digest, created->digest);
    node.restart();
    EXPECT_EQ(node.ask(api::GetQueue{"orders"})->digest, created->digest);
}

// ---- the line alone ----------------------------------------------------------------------------

class Line : public ::testing::Test {
  protected:
    node::CallPtr call() {
        return std::make_shared<node::Call>(
            boost::asio::any_io_executor(),
            [](const std::any&) {},
            node::refuse_of(api::GetQueue{"orders"}),
            mailbox);
    }

    bool enter(const node::CallPtr& who, int name) {
        return changes->enter(object, who, [this, name](const node::Changes::Turn& turn) {
            began.push_back(name);
            held = turn;
        });
    }

    // The turn under way ends, and what follows from it happens.
    void end_turn() {
        held.reset();
        for (const auto& letter : mailbox->take_all()) letter->open(*stepped.node);
    }

    const model::ObjectNo object{7};
    SteppedNode stepped;
    std::shared_ptr<node::Mailbox> mailbox = std::make_shared<node::Mailbox>(100, 1U << 20);
    std::shared_ptr<node::Changes> changes = std::make_shared<node::Changes>(mailbox);
    node::Changes::Turn held;
    std::vector<int> began;
};

TEST_F(Line, TheNextBeginsWhenTheTurnBeforeHasEnded) {
    EXPECT_TRUE(enter(call(), 1));
    EXPECT_TRUE(enter(call(), 2));
    EXPECT_TRUE(enter(call(), 3));
    EXPECT_EQ(began, std::vector<int>({1}));
    end_turn();
    EXPECT_EQ(began, std::vector<int>({1, 2}));
    end_turn();
    end_turn();
    EXPECT_EQ(began, std::vector<int>({1, 2, 3}));
    EXPECT_TRUE(enter(call(), 4));
    EXPECT_EQ(began, std::vector<int>({1, 2, 3, 4}));
}

// What was proposed may still take effect: only the end of the turn lets the next one read.
TEST_F(Line, ATimeOutOfTheCallBeforeLetsNobodyBegin) {
    const auto first = call();
    EXPECT_TRUE(enter(first, 1));
    EXPECT_TRUE(enter(call(), 2));
    EXPECT_TRUE(first->claim());
    for (const auto& letter : mailbox->take_all()) letter->open(*stepped.node);
    EXPECT_EQ(began, std::vector<int>({1}));
    end_turn();
    EXPECT_EQ(began, std::vector<int>({1, 2}));
}

TEST_F(Line, WhoWasAnsweredOrHasGoneIsPassedOver) {
    const auto late = call();
    const auto gone = call();
    EXPECT_TRUE(enter(call(), 1));
    EXPECT_TRUE(enter(late, 2));
    EXPECT_TRUE(enter(gone, 3));
    EXPECT_TRUE(enter(call(), 4));
    EXPECT_TRUE(late->claim());
    gone->cancel();
    end_turn();
    EXPECT_EQ(began, std::vector<int>({1, 4}));
}

TEST_F(Line, WhoWaitsInVainTakesNoPlace) {
    EXPECT_TRUE(enter(call(), 0));
    std::vector<node::CallPtr> waiting;
    for (std::size_t at = 0; at < node::waiting_changes_max; ++at) {
        waiting.push_back(call());
        EXPECT_TRUE(enter(waiting.back(), 1));
    }
    EXPECT_FALSE(enter(call(), 2));
    EXPECT_TRUE(waiting.front()->claim());
    EXPECT_TRUE(enter(call(), 3));
    EXPECT_FALSE(enter(call(), 4));
}

TEST_F(Line, ATurnMayOutliveTheLine) {
    EXPECT_TRUE(enter(call(), 1));
    EXPECT_TRUE(enter(call(), 2));
    changes.reset();
    end_turn();
    EXPECT_EQ(began, std::vector<int>({1}));
}

}  // namespace

}  // namespace penstock::testing
