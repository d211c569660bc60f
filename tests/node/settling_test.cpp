// Settlements of a turn become Settle commands: merged with the right ordinals, split where they
// would be too much, and what had moved told to whom it belongs.
#include "broker/model/message.h"
#include "tests/node/function_fixture.h"

#include <gmock/gmock.h>

namespace penstock::testing {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

namespace {

// The Settle commands of an entry list with the bodies of their entry.
struct LoggedSettle {
    model::Settle command;
    std::vector<std::string> bodies;
};

std::vector<LoggedSettle> settles(const std::vector<LoggedEntry>& entries) {
    std::vector<LoggedSettle> found;
    for (const LoggedEntry& entry : entries) {
        for (const model::Command& command : entry.commands) {
            if (const auto* settle = std::get_if<model::Settle>(&command)) {
                found.push_back({*settle, entry.bodies});
            }
        }
    }
    return found;
}

api::HandlerEffects outputs(std::vector<std::string> payloads) {
    api::HandlerEffects effects;
    for (std::string& payload : payloads) {
        effects.outputs.push_back(output_to_queue("done", std::move(payload)));
    }
    return effects;
}

std::string payload_of(const std::string& body) {
    const auto message = model::decode_body(body);
    return message ? std::string(message->payload) : "no message";
}

// Payloads of the outputs of a command, commit by commit.
std::vector<std::string> output_payloads(const LoggedSettle& settle) {
    std::vector<std::string> payloads;
    for (const model::HandlerCommit& commit : settle.command.commits) {
        for (const model::Output& output : commit.outputs) {
            payloads.push_back(payload_of(settle.bodies.at(output.ordinal)));
        }
    }
    return payloads;
}

std::vector<std::uint32_t> commit_items(const LoggedSettle& settle) {
    std::vector<std::uint32_t> items;
    for (const model::HandlerCommit& commit : settle.command.commits) items.push_back(commit.item);
    return items;
}

// `count` sequences nobody was handed: stale, but they count.
api::Dispatch::Settlement stale(const FunctionNode& node, std::size_t count) {
    api::Dispatch::Settlement settlement;
    settlement.subscription = node.function;
    for (std::size_t at = 0; at < count; ++at) {
        model::SettleItem item;
        item.sequence = 100'000 + at;
        settlement.items.push_back(item);
    }
    return settlement;
}

}  // namespace

TEST(Settling, SettlementsOfATurnBecomeOneCommandWithTheirAttemptsFirst) {
    FunctionNode node;
    const auto taken = node.deliver({"a", "b", "c", "d"});
    ASSERT_THAT(taken, SizeIs(4));
    auto second = node.acknowledge(taken[1], outputs({"b1"}));
    node.add(second, taken[2], {});
    node.hand_in(node.acknowledge(taken[0], outputs({"a1", "a2"})));
    node.hand_in(std::move(second));
    node.hand_in(node.acknowledge(taken[3], outputs({"d1"})));
    node.node.settle_down();
    EXPECT_EQ(node.node.node->desk(model::first_data_set)->handout().held(node.function), 0U);
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("a1", "a2", "b1", "d1"));
    const auto found = settles(node.logged());
    ASSERT_THAT(found, SizeIs(1));
    const LoggedSettle& settle = found[0];
    EXPECT_THAT(settle.command.items, SizeIs(4));
    EXPECT_THAT(commit_items(settle), ElementsAre(0, 1, 3));
    EXPECT_THAT(output_payloads(settle), ElementsAre("a1", "a2", "b1", "d1"));
    ASSERT_NE(settle.command.attempts_ordinal, model::no_ordinal);
    EXPECT_LT(settle.command.attempts_ordinal, settle.command.commits[0].outputs[0].ordinal);
    const auto attempts = model::decode_attempts(settle.bodies[settle.command.attempts_ordinal]);
    ASSERT_TRUE(attempts);
    EXPECT_THAT(*attempts, SizeIs(4));
    EXPECT_EQ(settle.command.attempts_failed, 0U);
}

TEST(Settling, OrdinalsGoOnBehindTheBodiesOfOtherCommandsOfTheEntry) {
    FunctionNode node;
    const auto taken = node.deliver({"a"});
    const auto sent = node.node.start(send("done", {"sent", "with it"}));
    node.hand_in(node.acknowledge(taken[0], outputs({"a1"})));
    node.node.settle_down();
    ASSERT_TRUE(sent.answered());
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("sent", "with it", "a1"));
    const auto page = node.node.ask(api::ListDeliveries{"news/fn", "", 0, 10});
    EXPECT_THAT(page->items, SizeIs(1));
    const auto found = settles(node.logged());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].bodies.size(), 4U);
    EXPECT_EQ(found[0].command.attempts_ordinal, 2U);
    EXPECT_EQ(found[0].command.commits.at(0).outputs.at(0).ordinal, 3U);
}

TEST(Settling, WithoutTrackTheOutputsAreTheOnlyBodies) {
    node::NodeOptions options;
    options.track = node::TrackMode::off;
    FunctionNode node(options);
    const auto taken = node.deliver({"a"});
    node.settle(node.acknowledge(taken[0], outputs({"a1", "a2"})));
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("a1", "a2"));
    const auto found = settles(node.logged());
    EXPECT_EQ(found.at(0).command.attempts_ordinal, model::no_ordinal);
    EXPECT_EQ(found[0].bodies.size(), 2U);
}

TEST(Settling, ACommandTakesFourHundredOutputsAtMost) {
    FunctionNode node;
    const auto taken = node.deliver({"1", "2", "3", "4", "5"});
    std::vector<std::string> all;
    for (std::size_t at = 0; at < taken.size(); ++at) {
        std::vector<std::string> payloads;
        for (int output = 0; output < 100; ++output) {
            payloads.push_back(taken[at].payload + "/" + std::to_string(output));
        }
        all.insert(all.end(), payloads.begin(), payloads.end());
        node.hand_in(node.acknowledge(taken[at], outputs(payloads)));
    }
    node.node.settle_down();
    EXPECT_EQ(node.payloads_in("done"), all);
    const auto found = settles(node.logged());
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_THAT(output_payloads(found[0]), SizeIs(400));
    EXPECT_THAT(output_payloads(found[1]), SizeIs(100));
    EXPECT_THAT(commit_items(found[1]), ElementsAre(0));
}

TEST(Settling, ACommandTakesAThousandItemsAtMost) {
    FunctionNode node;
    const auto taken = node.deliver({"a"});
    node.hand_in(stale(node, 600));
    auto second = stale(node, 600);
    node.add(second, taken[0], outputs({"a1"}));
    const auto told = node.hand_in(std::move(second));
    node.node.settle_down();
    EXPECT_TRUE(told->has_value());
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("a1"));
    const auto found = settles(node.logged());
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_THAT(found[0].command.items, SizeIs(600));
    EXPECT_THAT(found[1].command.items, SizeIs(601));
    EXPECT_THAT(commit_items(found[1]), ElementsAre(600));
}

TEST(Settling, KvRowsAndBytesOfEffectsSplitCommandsToo) {
    FunctionNode node;
    const auto taken = node.deliver({"1", "2", "3", "4"});
    for (std::size_t at = 0; at < 2; ++at) {
        api::HandlerEffects effects;
        for (int row = 0; row < 1'000; ++row) effects.reads.push_back({std::to_string(row), 0});
        for (int row = 0; row < 50; ++row) {
            effects.writes.push_back(write_put(taken[at].payload + std::to_string(row), "x"));
        }
        node.hand_in(node.acknowledge(taken[at], std::move(effects)));
    }
    node.node.settle_down();
    for (std::size_t at = 2; at < 4; ++at) {
        api::HandlerEffects effects;
        for (int row = 0; row < 20; ++row) {
            effects.writes.push_back(
                write_put(taken[at].payload + std::to_string(row), std::string(65'536, 'v')));
        }
        node.hand_in(node.acknowledge(taken[at], std::move(effects)));
    }
    node.node.settle_down();
    EXPECT_THAT(settles(node.logged()), SizeIs(4));
}

TEST(Settling, WhatHadMovedIsToldToItsSettlementAndStaysHandedOut) {
    FunctionNode node;
    const auto taken = node.deliver({"a", "b", "c", "d", "e"});
    node.settle(node.acknowledge(taken[4], {0, {}, {write_put("n", "1")}, {}}));
    const std::uint64_t version = node.read("n").version;
    ASSERT_GT(version, 0U);
    api::HandlerEffects stale_read = outputs({"moved"});
    stale_read.reads = {{"n", version + 1}};
    api::HandlerEffects true_read = outputs({"kept"});
    true_read.reads = {{"n", version}};

    const auto first = node.hand_in(node.acknowledge(taken[0], true_read));
    auto middle = node.acknowledge(taken[1], outputs({"too"}));
    node.add(middle, taken[2], stale_read);
    const auto second = node.hand_in(std::move(middle));
    const auto third = node.hand_in(node.acknowledge(taken[3], stale_read));
    node.node.settle_down();

    EXPECT_THAT(first->value().moved, IsEmpty());
    EXPECT_THAT(second->value().moved, ElementsAre(1));
    EXPECT_THAT(third->value().moved, ElementsAre(0));
    EXPECT_EQ(node.node.node->desk(model::first_data_set)->handout().held(node.function), 2U);
    EXPECT_THAT(node.deliveries.take(), IsEmpty()) << "they are still handed out";
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("kept", "too"));
    EXPECT_EQ(node.node.ask(api::GetSubscription{"news", "fn"})->backlog, 2U);

    EXPECT_THAT(node.settle(node.acknowledge(taken[2], true_read)).moved, IsEmpty());
    node.settle(node.acknowledge(taken[3], {}));
    EXPECT_EQ(node.node.node->desk(model::first_data_set)->handout().held(node.function), 0U);
    EXPECT_EQ(node.node.ask(api::GetSubscription{"news", "fn"})->backlog, 0U);
}

TEST(Settling, WhatIsRefusedIsToldToItsSettlementWhoeverRefusesIt) {
    FunctionNode node;
    const auto taken = node.deliver({"a", "b", "c", "d", "e"});
    api::HandlerEffects to_nowhere;
    to_nowhere.outputs.push_back(output_to_queue("nowhere", "x"));
    const api::HandlerEffects too_large = outputs({std::string(65'537, 'x')});
    auto first = node.acknowledge(taken[0], outputs({"a1"}));
    node.add(first, taken[1], too_large);
    auto second = node.acknowledge(taken[2], too_large);
    node.add(second, taken[3], outputs({"d1"}));
    node.add(second, taken[4], to_nowhere);
    const auto told_first = node.hand_in(std::move(first));
    const auto told_second = node.hand_in(std::move(second));
    node.node.settle_down();
    EXPECT_THAT(told_first->value().refused, ElementsAre(1));
    EXPECT_THAT(told_second->value().refused, UnorderedElementsAre(0, 2));
    EXPECT_THAT(told_first->value().moved, IsEmpty());
    EXPECT_THAT(told_second->value().moved, IsEmpty());
    EXPECT_EQ(node.node.node->desk(model::first_data_set)->handout().held(node.function), 0U);
    EXPECT_EQ(node.node.ask(api::GetSubscription{"news", "fn"})->waiting, 3U);
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("a1", "d1"));
}

// Their attempts were on their way into the log before it was known.
TEST(Settling, AttemptsThatMovedOrWereRefusedNeverShowAsAccepted) {
    FunctionNode node;
    const auto taken = node.deliver({"moved", "refused", "fine"});
    auto settlement = node.acknowledge(taken[0], {0, {}, {}, {{"n", 9}}});
    node.add(settlement, taken[1], outputs({std::string(65'537, 'x')}));
    node.add(settlement, taken[2], outputs({"output"}));
    node.settle(std::move(settlement));
    const auto accepted = node.node.ask(api::ListDeliveries{"news/fn", "ok", 0, 10});
    ASSERT_THAT(accepted->items, SizeIs(1));
    EXPECT_EQ(accepted->items[0].id, taken[2].message);
    const auto failed = node.node.ask(api::ListDeliveries{"news/fn", "failed", 0, 10});
    ASSERT_THAT(failed->items, SizeIs(2));
    EXPECT_EQ(failed->items[0].id, taken[1].message);
    EXPECT_EQ(failed->items[0].reason, "output_refused");
    EXPECT_THAT(failed->items[0].excerpt, HasSubstr("at most 65536 bytes"));
    EXPECT_EQ(failed->items[1].id, taken[0].message);
    EXPECT_EQ(failed->items[1].reason, "kv_moved");
    EXPECT_THAT(failed->items[1].excerpt, HasSubstr("uncounted"));

    node.settle(node.acknowledge(taken[0], outputs({"again"})));
    const auto track = node.node.ask(api::TrackMessage{taken[0].message});
    const auto& attempts = track->places.back().attempts;
    ASSERT_THAT(attempts, SizeIs(2));
    EXPECT_EQ(attempts[0].reason, "kv_moved");
    EXPECT_EQ(attempts[0].status, "failed");
    EXPECT_EQ(attempts[1].status, "ok");
    EXPECT_EQ(attempts[1].attempt, 1U) << "the one before it did not count";
}

TEST(Settling, AMovedMessageIsHandedOutAgainAfterARestart) {
    FunctionNode node;
    const auto taken = node.deliver({"a"});
    EXPECT_THAT(node.settle(node.acknowledge(taken[0], {0, {}, {}, {{"n", 9}}})).moved,
                ElementsAre(0));
    node.node.restart();
    const auto again = node.attach_again();
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(again[0].attempt, 1U);
}

TEST(Settling, AnOutputToNowhereCountsAsAFailedAttempt) {
    FunctionNode node;
    const auto taken = node.deliver({"a", "b"});
    api::HandlerEffects effects = outputs({"never"});
    effects.outputs.push_back(output_to_topic("nowhere", "x"));
    auto settlement = node.acknowledge(taken[0], std::move(effects));
    node.add(settlement, taken[1], outputs({"b1"}));
    EXPECT_THAT(node.settle(std::move(settlement)).moved, IsEmpty());
    EXPECT_THAT(node.last_failure(), HasSubstr("output_refused: nowhere"));
    EXPECT_THAT(node.payloads_in("done"), ElementsAre("b1"));
    EXPECT_EQ(node.node.ask(api::GetSubscription{"news", "fn"})->waiting, 1U);
    node.node.advance_ms(1'010);
    const auto again = node.deliveries.take();
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(again[0].attempt, 2U);
}

TEST(Settling, AnOutputToAQueueThatIsBeingDeletedCountsAsAFailedAttempt) {
    FunctionNode node;
    ASSERT_TRUE(node.node.ask(create_queue("short-lived")));
    const auto taken = node.deliver({"a"});
    api::HandlerEffects effects;
    effects.outputs.push_back(output_to_queue("short-lived", "x"));
    effects.writes.push_back(write_put("k", "v"));
    const auto deleted = node.node.start(api::DeleteQueue{"short-lived"});
    node.node.step();
    EXPECT_FALSE(deleted.answered());
    node.settle(node.acknowledge(taken[0], std::move(effects)));
    EXPECT_EQ(node.read("k").version, 0U);
    EXPECT_THAT(node.last_failure(), HasSubstr("output_refused: short-lived"));
}

}  // namespace penstock::testing
