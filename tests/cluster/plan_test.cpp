#include "broker/cluster/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace penstock::cluster {
namespace {

model::NodeInfo node(std::uint64_t id, const char* zone = "") {
    model::NodeInfo info;
    info.node = NodeId{id};
    info.zone = zone;
    return info;
}

std::vector<NodeId> ids(const std::vector<std::uint64_t>& numbers) {
    std::vector<NodeId> made;
    for (const std::uint64_t number : numbers) made.emplace_back(number);
    return made;
}

model::SetInfo set(std::uint16_t number, const std::vector<std::uint64_t>& replicas) {
    return {SetId{number}, {}, ids(replicas)};
}

PlanFacts four_nodes() {
    PlanFacts facts;
    facts.nodes = {node(1), node(2), node(3), node(4)};
    facts.sets = {set(0, {1, 2, 3, 4}), set(1, {1, 2, 3}), set(2, {2, 3, 1}), set(3, {3, 1, 2})};
    return facts;
}

TEST(Plan, NothingIsDoneWhereAllIsAsItShouldBe) {
    const Step step = next_step(four_nodes());
    EXPECT_FALSE(step.place || step.lead || step.forget || step.balanced);
}

TEST(Plan, ASetWithTooFewReplicasGetsOneWhereLeastIs) {
    PlanFacts facts = four_nodes();
    facts.sets[2] = set(2, {2, 3});
    const Step step = next_step(facts);
    ASSERT_TRUE(step.place);
    EXPECT_EQ(step.place->replicas, ids({2, 3, 4}));
}

TEST(Plan, ANodeThatLeavesIsReplacedInPlace) {
    PlanFacts facts = four_nodes();
    facts.nodes[1].leaving = true;
    const Step step = next_step(facts);
    ASSERT_TRUE(step.place);
    EXPECT_EQ(step.place->set, SetId{1});
    EXPECT_EQ(step.place->replicas, ids({1, 4, 3}));
}

TEST(Plan, WithoutASpareNodeASetShrinksToTwoAndNotBelow) {
    PlanFacts facts = four_nodes();
    facts.nodes = {node(1), node(2), node(3)};
    facts.sets[0] = set(0, {1, 2, 3});
    facts.nodes[2].leaving = true;
    EXPECT_EQ(next_step(facts).place->replicas, ids({1, 2}));
    facts.sets = {set(0, {1, 3}), set(1, {1, 3})};
    facts.nodes = {node(1), node(3)};
    facts.nodes[1].leaving = true;
    EXPECT_FALSE(next_step(facts).place);
}

TEST(Plan, ASetDoesNotShrinkWhileANodeJoins) {
    PlanFacts facts = four_nodes();
    facts.sets[0] = set(0, {1, 2, 3});
    facts.nodes[2].leaving = true;
    EXPECT_FALSE(next_step(facts).place);
    facts.lost = {NodeId{4}};
    EXPECT_TRUE(next_step(facts).place);
}

TEST(Plan, ALostNodeIsReplacedOnlyWhereASpareOneIs) {
    PlanFacts facts = four_nodes();
    facts.lost = {NodeId{3}};
    facts.away = facts.lost;
    EXPECT_EQ(next_step(facts).place->replicas, ids({1, 2, 4}));
    facts.away.insert(NodeId{4});
    EXPECT_FALSE(next_step(facts).place);
}

TEST(Plan, OneReplicaMovesAtATime) {
    PlanFacts facts = four_nodes();
    facts.nodes[1].leaving = true;
    facts.moving = {SetId{3}};
    EXPECT_FALSE(next_step(facts).place);
}

TEST(Plan, AMoveToANodeThatIsLostGoesElsewhere) {
    PlanFacts facts = four_nodes();
    facts.nodes.push_back(node(5));
    facts.sets[0] = set(0, {1, 2, 3, 4, 5});
    facts.sets[1] = set(1, {1, 2, 4});
    facts.moving = {SetId{1}};
    facts.lost = {NodeId{4}};
    EXPECT_EQ(next_step(facts).place->replicas, ids({1, 2, 5}));
}

TEST(Plan, ASetThatNobodyTellsOfIsLeftAlone) {
    PlanFacts facts = four_nodes();
    facts.nodes[1].leaving = true;
    facts.unknown = {SetId{1}};
    EXPECT_EQ(next_step(facts).place->set, SetId{2});
}

TEST(Plan, ANodeWithoutDataLeavesSetZeroAndThenTheCluster) {
    PlanFacts facts = four_nodes();
    facts.nodes[3].leaving = true;
    const Step first = next_step(facts);
    ASSERT_TRUE(first.place);
    EXPECT_EQ(first.place->set, SetId{0});
    EXPECT_EQ(first.place->replicas, ids({1, 2, 3}));
    facts.sets[0] = *first.place;
    facts.moving = {SetId{0}};
    EXPECT_FALSE(next_step(facts).forget);
    facts.moving.clear();
    facts.unknown = {SetId{2}};
    EXPECT_FALSE(next_step(facts).forget);
    facts.unknown.clear();
    EXPECT_EQ(next_step(facts).forget, NodeId{4});
}

TEST(Plan, BalancingEndsWhenNodesHoldAndLeadAboutAsMuch) {
    PlanFacts facts = four_nodes();
    facts.balancing = true;
    for (int steps = 0; steps < 20; ++steps) {
        const Step step = next_step(facts);
        if (step.balanced) {
            std::map<NodeId, std::size_t> held;
            std::map<NodeId, std::size_t> led;
            for (std::size_t at = 1; at < facts.sets.size(); ++at) {
                for (const NodeId holder : facts.sets[at].replicas) ++held[holder];
                ++led[facts.sets[at].replicas.front()];
            }
            EXPECT_GE(held[NodeId{4}], 2U);
            for (const auto& [holder, count] : led) EXPECT_LE(count, 1U) << holder.value;
            return;
        }
        const auto& changed = step.place ? step.place : step.lead;
        ASSERT_TRUE(changed);
        facts.sets[changed->set.value] = *changed;
    }
    FAIL() << "it never ends";
}

TEST(Plan, BalancingWaitsForANodeThatJoins) {
    PlanFacts facts = four_nodes();
    facts.balancing = true;
    facts.sets[0] = set(0, {1, 2, 3});
    const Step step = next_step(facts);
    EXPECT_FALSE(step.place || step.balanced);
}

TEST(Plan, BalanceCostsNoZone) {
    PlanFacts facts;
    facts.nodes = {node(1, "a"), node(2, "b"), node(3, "c"), node(4, "c")};
    facts.sets = {set(0, {1, 2, 3, 4}), set(1, {1, 2, 3}), set(2, {2, 3, 1}), set(3, {3, 1, 2})};
    facts.balancing = true;
    const Step step = next_step(facts);
    ASSERT_TRUE(step.place);
    // Node 4 takes over from node 3 of its own zone alone.
    const auto& replicas = step.place->replicas;
    EXPECT_EQ(std::count(replicas.begin(), replicas.end(), NodeId{3}), 0);
}

TEST(Plan, OnlyTheFirstFiveOfSetZeroVote) {
    EXPECT_EQ(wanted_voters(set(0, {1, 2, 3, 4, 5, 6, 7})), ids({1, 2, 3, 4, 5}));
    EXPECT_EQ(wanted_voters(set(1, {1, 2, 3, 4, 5, 6, 7})).size(), 7U);
}

}  // namespace
}  // namespace penstock::cluster
