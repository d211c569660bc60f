// Nodes and sets as set 0 keeps them.
#include "broker/core/placement.h"

#include "tests/support/core_driver.h"

#include <gtest/gtest.h>

namespace penstock::core {
namespace {

using model::NodeId;
using model::SetId;

model::PutNode node(std::uint64_t id) {
    return {{NodeId{id}, "h:" + std::to_string(id), "", "", false}};
}

TEST(Placement, NodesAndSetsAreListedByNumber) {
    testing::CoreDriver driver = testing::CoreDriver::name_set();
    for (const std::uint64_t id : {2, 300, 1}) driver.done(node(id));
    driver.done(model::PutSet{{SetId{2}, {}, {NodeId{1}}}});
    driver.done(model::PutSet{{SetId{1}, {NodeId{2}}, {NodeId{2}, NodeId{300}}}});
    const auto nodes = list_nodes(driver.rows());
    ASSERT_EQ(nodes.size(), 3U);
    EXPECT_EQ(nodes[2].node, NodeId{300});
    EXPECT_EQ(nodes[2].peer_address, "h:300");
    const auto sets = list_sets(driver.rows());
    ASSERT_EQ(sets.size(), 2U);
    EXPECT_EQ(sets[0].replicas, (std::vector<NodeId>{NodeId{2}, NodeId{300}}));
    EXPECT_EQ(find_set(driver.rows(), SetId{2})->founders, std::vector<NodeId>{});
    EXPECT_FALSE(find_set(driver.rows(), SetId{9}));
}

TEST(Placement, WhoFoundedASetIsNotToldAnew) {
    testing::CoreDriver driver = testing::CoreDriver::name_set();
    for (const std::uint64_t id : {1, 2}) driver.done(node(id));
    driver.done(model::PutSet{{SetId{1}, {NodeId{1}}, {NodeId{1}}}});
    driver.done(model::PutSet{{SetId{1}, {NodeId{2}}, {NodeId{1}, NodeId{2}}}});
    EXPECT_EQ(find_set(driver.rows(), SetId{1})->founders, std::vector<NodeId>{NodeId{1}});
    EXPECT_EQ(find_set(driver.rows(), SetId{1})->replicas.size(), 2U);
}

TEST(Placement, ASetNamesNodesThatExistAndSomeOfThem) {
    testing::CoreDriver driver = testing::CoreDriver::name_set();
    driver.done(node(1));
    EXPECT_EQ(driver.refused(model::PutSet{{SetId{1}, {}, {NodeId{7}}}}),
              model::Reason::invalid_parameter);
    EXPECT_EQ(driver.refused(model::PutSet{{SetId{1}, {}, {}}}), model::Reason::invalid_parameter);
    EXPECT_TRUE(list_sets(driver.rows()).empty());
}

TEST(Placement, BalancingIsOnUntilItIsOff) {
    testing::CoreDriver driver = testing::CoreDriver::name_set();
    EXPECT_FALSE(is_balancing(driver.rows()));
    driver.done(model::SetBalancing{true});
    driver.done(model::SetBalancing{true});
    EXPECT_TRUE(is_balancing(driver.rows()));
    driver.done(model::SetBalancing{false});
    EXPECT_FALSE(is_balancing(driver.rows()));
}

TEST(Placement, ANodeLeavesUntilItIsToldToStay) {
    testing::CoreDriver driver = testing::CoreDriver::name_set();
    driver.done(node(1));
    driver.done(model::MarkLeaving{NodeId{1}, true});
    // What else is known of it changes nothing of that.
    driver.done(node(1));
    EXPECT_TRUE(list_nodes(driver.rows())[0].leaving);
    driver.done(model::MarkLeaving{NodeId{1}, false});
    EXPECT_FALSE(list_nodes(driver.rows())[0].leaving);
    EXPECT_EQ(driver.refused(model::MarkLeaving{NodeId{2}, true}),
              model::Reason::invalid_parameter);
}

TEST(Placement, WhoShouldLeadIsTheFirstReplica) {
    testing::CoreDriver driver = testing::CoreDriver::name_set();
    for (const std::uint64_t id : {1, 2, 3, 4}) driver.done(node(id));
    driver.done(model::PutSet{{SetId{1}, {}, {NodeId{1}, NodeId{2}, NodeId{3}}}});
    driver.done(model::PreferLeader{SetId{1}, NodeId{3}});
    EXPECT_EQ(find_set(driver.rows(), SetId{1})->replicas,
              (std::vector<NodeId>{NodeId{3}, NodeId{1}, NodeId{2}}));
    EXPECT_EQ(driver.refused(model::PreferLeader{SetId{1}, NodeId{4}}),
              model::Reason::invalid_parameter);
    EXPECT_EQ(driver.refused(model::PreferLeader{SetId{2}, NodeId{1}}),
              model::Reason::invalid_parameter);
}

TEST(Placement, ASetThatWasThereMayBeHeldByNobody) {
    testing::CoreDriver driver = testing::CoreDriver::name_set();
    driver.done(node(1));
    driver.done(model::PutSet{{SetId{1}, {}, {NodeId{1}}}});
    driver.done(model::PutSet{{SetId{1}, {}, {}}});
    EXPECT_TRUE(find_set(driver.rows(), SetId{1})->replicas.empty());
    driver.done(model::PutSet{{model::names_set, {}, {NodeId{1}}}});
    EXPECT_EQ(driver.refused(model::PutSet{{model::names_set, {}, {}}}),
              model::Reason::invalid_parameter);
}

TEST(Placement, ANodeThatHoldsAReplicaIsNotDropped) {
    testing::CoreDriver driver = testing::CoreDriver::name_set();
    for (const std::uint64_t id : {1, 2}) driver.done(node(id));
    driver.done(model::PutSet{{SetId{1}, {}, {NodeId{1}}}});
    EXPECT_EQ(driver.refused(model::DropNode{NodeId{1}}), model::Reason::invalid_parameter);
    driver.done(model::DropNode{NodeId{2}});
    EXPECT_EQ(list_nodes(driver.rows()).size(), 1U);
}

TEST(Placement, TheIdOfADroppedNodeIsNeverUsedAgain) {
    testing::CoreDriver driver = testing::CoreDriver::name_set();
    driver.done(node(1));
    driver.done(model::DropNode{NodeId{1}});
    driver.done(model::DropNode{NodeId{1}});
    EXPECT_TRUE(was_dropped(driver.rows(), NodeId{1}));
    EXPECT_EQ(driver.refused(node(1)), model::Reason::invalid_parameter);
    EXPECT_TRUE(list_nodes(driver.rows()).empty());
    // Also of one that nobody told set 0 of.
    driver.done(model::DropNode{NodeId{9}});
    EXPECT_EQ(driver.refused(node(9)), model::Reason::invalid_parameter);
    EXPECT_FALSE(was_dropped(driver.rows(), NodeId{2}));
}

}  // namespace
}  // namespace penstock::core
