#include "broker/cluster/plan.h"

#include "broker/cluster/arranger.h"

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

// What set 0 says, and what the leaders tell of it.
struct Told {
    explicit Told(const PlanFacts& plan) : nodes(plan.nodes) {
        for (const model::SetInfo& info : plan.sets) sets[info.set] = info;
        for (const model::NodeInfo& info : nodes) {
            view.nodes.push_back({info.node.value, "", "", "", info.leaving, true, ""});
        }
        for (const auto& [number, info] : sets) {
            api::SetView& one = view.sets.emplace_back();
            one.set = number.value;
            one.leader = info.replicas.front().value;
            for (const NodeId holder : info.replicas) {
                one.replicas.push_back({holder.value, true, 9, true, true});
            }
        }
    }

    [[nodiscard]] std::set<SetId> moving() const { return plan_facts({nodes, sets}, view).moving; }

    std::vector<model::NodeInfo> nodes;
    std::map<SetId, model::SetInfo> sets;
    api::ClusterView view;
};

TEST(Plan, WhoDiedWhileItJoinedKeepsNothingElseFromMoving) {
    Told told(four_nodes());
    EXPECT_TRUE(told.moving().empty());
    told.view.sets[0].replicas[3].voter = false;
    EXPECT_EQ(told.moving(), std::set<SetId>{SetId{0}}) << "it joins";
    told.view.nodes[3].connected = false;
    EXPECT_TRUE(told.moving().empty());
    // Of another set it is one of few.
    told.view.sets[1].replicas[2].voter = false;
    told.view.nodes[2].connected = false;
    EXPECT_EQ(told.moving(), std::set<SetId>{SetId{1}});
}

TEST(Plan, AMemberThatIsNotWantedAnyMoreIsWaitedFor) {
    Told told(four_nodes());
    told.sets[SetId{0}] = set(0, {1, 2, 3});
    told.view.nodes[3].connected = false;
    EXPECT_EQ(told.moving(), std::set<SetId>{SetId{0}});
}

// Set 0 waits for node 4, and so node 3 is not let out of it.
TEST(Plan, WhoLeavesWhileItJoinsSetZeroIsNotWaitedFor) {
    PlanFacts facts = four_nodes();
    facts.sets = {set(0, {1, 2, 4}), set(1, {1, 2}), set(2, {2, 1})};
    facts.nodes[2].leaving = facts.nodes[3].leaving = true;
    facts.moving = {SetId{0}};
    const Step step = next_step(facts);
    ASSERT_TRUE(step.place);
    EXPECT_EQ(step.place->set, SetId{0});
    EXPECT_EQ(step.place->replicas, ids({1, 2}));
}

TEST(Plan, AMoveToWhoIsToLeaveGoesElsewhere) {
    PlanFacts facts = four_nodes();
    facts.sets[1] = set(1, {1, 2, 4});
    facts.nodes[3].leaving = true;
    facts.moving = {SetId{1}};
    EXPECT_FALSE(next_step(facts).place) << "it votes: the move is another's";
    facts.joining[SetId{1}] = {NodeId{4}};
    ASSERT_TRUE(next_step(facts).place);
    EXPECT_EQ(next_step(facts).place->replicas, ids({1, 2, 3}));
}

TEST(Plan, WhyANodeThatLeavesIsStillThereIsTold) {
    PlanFacts facts = four_nodes();
    facts.nodes[3].leaving = true;
    EXPECT_EQ(why_it_stays(facts, NodeId{4}), "");
    facts.nodes = {node(1), node(2)};
    facts.nodes[1].leaving = true;
    facts.sets = {set(0, {1, 2}), set(1, {2, 1})};
    EXPECT_NE(why_it_stays(facts, NodeId{2}).find("set 1 has no other node to go to: add one"),
              std::string::npos);
    facts.sets[1] = set(1, {1});
    EXPECT_NE(why_it_stays(facts, NodeId{2}).find("set 0 has no other node"), std::string::npos);
    facts.nodes.push_back(node(3));
    EXPECT_EQ(why_it_stays(facts, NodeId{2}), "set 0 waits for node 3, which has not joined yet");
    facts.sets[1] = set(1, {2});
    facts.unknown = {SetId{1}};
    EXPECT_EQ(why_it_stays(facts, NodeId{2}), "set 1 has no leader");
}

TEST(Plan, WhomAMoveWaitsForIsTold) {
    PlanFacts facts = four_nodes();
    facts.nodes[2].leaving = true;
    facts.sets[1] = set(1, {1, 2, 4});
    facts.moving = {SetId{1}};
    facts.joining[SetId{1}] = {NodeId{4}};
    EXPECT_EQ(why_it_stays(facts, NodeId{3}), "") << "it goes on";
    facts.away = {NodeId{4}};
    EXPECT_EQ(why_it_stays(facts, NodeId{3}),
              "set 1 waits for node 4, which is away: start it, or remove it too");
}

TEST(Plan, OnlyTheFirstFiveOfSetZeroVote) {
    EXPECT_EQ(wanted_voters(set(0, {1, 2, 3, 4, 5, 6, 7})), ids({1, 2, 3, 4, 5}));
    EXPECT_EQ(wanted_voters(set(1, {1, 2, 3, 4, 5, 6, 7})).size(), 7U);
}

}  // namespace
}  // namespace penstock::cluster
