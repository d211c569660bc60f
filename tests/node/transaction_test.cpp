// Transactional messages as clients of the node see them.
#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

using model::ConfirmResult;
using model::Reason;

api::QueueChange transactional() {
    api::QueueChange change;
    change.transactional = true;
    change.first_query_s = 5;
    change.queries_max = 2;
    return change;
}

model::MessageId prepare(SteppedNode& node, const std::string& body = "half") {
    auto request = send("orders", {body});
    request.transaction = true;
    const auto sent = node.ask(request);
    EXPECT_TRUE(sent) << sent.error().detail;
    return sent ? sent->ids.at(0) : model::MessageId{};
}

ConfirmResult confirm(SteppedNode& node, model::MessageId message, bool commit) {
    const auto confirmed = node.ask(api::ConfirmTransactions{"orders", {{message, commit}}});
    EXPECT_TRUE(confirmed) << confirmed.error().detail;
    return confirmed ? confirmed->results.at(0) : ConfirmResult::unknown;
}

api::PeekMessages peek_prepared() {
    api::PeekMessages request;
    request.queue = "orders";
    request.state = "prepared";
    return request;
}

TEST(Transactions, ACommittedMessageWakesThePollThatWaits) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders", transactional())));
    const auto poll = node.start(receive("orders", 1, 10));
    const auto half = prepare(node);
    node.settle_down();
    EXPECT_FALSE(poll.answered());
    EXPECT_EQ(confirm(node, half, true), ConfirmResult::done);
    node.settle_down();
    ASSERT_TRUE(poll.answered());
    ASSERT_EQ((*poll)->messages.size(), 1U);
    EXPECT_EQ((*poll)->messages[0].payload, "half");
    EXPECT_EQ((*poll)->messages[0].id, half);
}

TEST(Transactions, WhatIsPreparedIsShownWithItsBodyItsAgeAndItsChecks) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders", transactional())));
    const auto half = prepare(node);
    const auto page = node.ask(peek_prepared());
    ASSERT_TRUE(page);
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].id, half);
    EXPECT_EQ(page->items[0].state, "prepared");
    EXPECT_EQ(page->items[0].payload, "half");
    EXPECT_EQ(page->items[0].checks, 0U);
    EXPECT_GT(page->items[0].due_ms, page->items[0].sent_ms);
    const auto view = node.ask(api::GetQueue{"orders"});
    ASSERT_TRUE(view->attributes.transaction);
    EXPECT_EQ(view->attributes.transaction->first_query_s, 5U);
    EXPECT_EQ(view->attributes.transaction->queries_max, 2U);
    EXPECT_EQ(view->prepared, 1U);
    const auto track = node.ask(api::TrackMessage{half});
    ASSERT_TRUE(track);
    EXPECT_EQ(track->sent_to, "orders");
    EXPECT_EQ(track->places.at(0).state, "prepared");
}

TEST(Transactions, AWaitingProducerIsAskedWhenACheckFallsDue) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders", transactional())));
    const auto half = prepare(node);
    const auto first = node.start(api::TakeChecks{"orders", 16, 20});
    const auto second = node.start(api::TakeChecks{"orders", 16, 20});
    node.settle_down();
    node.advance_ms(4'980);
    EXPECT_FALSE(first.answered());
    node.advance_ms(40);
    ASSERT_TRUE(first.answered());
    ASSERT_EQ((*first)->items.size(), 1U);
    EXPECT_EQ((*first)->items[0].message, half);
    EXPECT_EQ((*first)->items[0].checks, 1U);
    EXPECT_FALSE(second.answered()) << "one is asked, not all";
    node.advance_ms(5'020);
    ASSERT_TRUE(second.answered());
    EXPECT_EQ((*second)->items.at(0).checks, 2U);
    node.advance_ms(5'020);
    EXPECT_EQ(node.ask(api::GetQueue{"orders"})->unconfirmed, 1U);
    EXPECT_EQ(confirm(node, half, true), ConfirmResult::otherwise);
}

TEST(Transactions, APollForChecksEndsOnTimeAndWithItsCaller) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders", transactional())));
    const auto poll = node.start(api::TakeChecks{"orders", 16, 3});
    const auto left = node.start(api::TakeChecks{"orders", 16, 20});
    node.settle_down();
    EXPECT_LE(node.node->next_wake_us(), node.clock.steady_us() + 3'000'000);
    left.cancellation->cancel();
    node.settle_down();
    ASSERT_TRUE(left.answered());
    EXPECT_EQ(left->error().reason, Reason::unavailable);
    node.advance_ms(3'000);
    ASSERT_TRUE(poll.answered());
    ASSERT_TRUE(*poll);
    EXPECT_TRUE((*poll)->items.empty());
}

TEST(Transactions, APollForChecksEndsWithItsQueue) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders", transactional())));
    prepare(node);
    const auto poll = node.start(api::TakeChecks{"orders", 16, 20});
    const auto other = node.start(api::TakeChecks{"orders", 16, 20});
    node.settle_down();
    ASSERT_TRUE(node.ask(api::DeleteQueue{"orders"}));
    node.settle_down();
    ASSERT_TRUE(poll.answered());
    EXPECT_EQ(poll->error().reason, Reason::queue_not_found);
    EXPECT_TRUE(other.answered());
}

TEST(Transactions, ARestartForgetsNothing) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders", transactional())));
    const auto kept = prepare(node, "kept");
    const auto done = prepare(node, "done");
    EXPECT_EQ(confirm(node, done, false), ConfirmResult::done);
    node.advance_ms(5'020);
    EXPECT_EQ(node.ask(api::TakeChecks{"orders", 16, 0})->items.size(), 1U);
    node.restart();
    const auto page = node.ask(peek_prepared());
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].id, kept);
    EXPECT_EQ(page->items[0].checks, 1U);
    EXPECT_EQ(confirm(node, done, true), ConfirmResult::otherwise);
    node.advance_ms(5'020);
    EXPECT_EQ(node.ask(api::TakeChecks{"orders", 16, 0})->items.at(0).checks, 2U);
    EXPECT_EQ(confirm(node, kept, true), ConfirmResult::done);
    node.restart();
    EXPECT_EQ(node.ask(receive("orders", 16))->messages.at(0).payload, "kept");
}

TEST(Transactions, BadRequestsChangeNothing) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders", transactional())));
    ASSERT_TRUE(node.ask(create_queue("plain")));
    auto request = send("plain", {"a"});
    request.transaction = true;
    EXPECT_EQ(node.ask(request).error().reason, Reason::not_transactional);
    request = send("orders", {"a"});
    request.transaction = true;
    request.delay_s = 1;
    EXPECT_EQ(node.ask(request).error().reason, Reason::delay_out_of_range);
    request.delay_s = 0;
    request.first_query_s = 3'601;
    EXPECT_EQ(node.ask(request).error().subject, "first_query_s");
    request.transaction = false;
    request.first_query_s = 5;
    EXPECT_EQ(node.ask(request).error().subject, "first_query_s");
    EXPECT_EQ(node.ask(api::ConfirmTransactions{"orders", {}}).error().subject, "items");
    EXPECT_EQ(node.ask(api::TakeChecks{"orders", 0, 0}).error().subject, "max");
    EXPECT_EQ(node.ask(api::TakeChecks{"orders", 1, 31}).error().subject, "wait_s");
    EXPECT_EQ(node.ask(api::TakeChecks{"plain", 1, 10}).error().reason, Reason::not_transactional);
    api::QueueChange change;
    change.first_query_s = 5;
    EXPECT_EQ(node.ask(create_queue("other", change)).error().subject, "first_query_s");
    change.transactional = true;
    change.first_query_s = 3'601;
    EXPECT_EQ(node.ask(create_queue("other", change)).error().subject, "first_query_s");
    change.first_query_s = 5;
    change.queries_max = 0;
    EXPECT_EQ(node.ask(create_queue("other", change)).error().subject, "queries_max");
    change = {};
    change.transactional = false;
    EXPECT_EQ(node.ask(api::SetQueue{"orders", change}).error().subject, "transaction");
    EXPECT_TRUE(node.ask(api::SetQueue{"plain", change}));
    change = {};
    change.queries_max = 3;
    EXPECT_EQ(node.ask(api::SetQueue{"orders", change})->attributes.transaction->queries_max, 3U);
    EXPECT_EQ(node.ask(api::GetQueue{"orders"})->prepared, 0U);
}

}  // namespace
}  // namespace penstock::testing
