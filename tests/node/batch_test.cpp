#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

TEST(Turn, ManySendsOfATurnShareOneSync) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    node.settle_down();
    const std::uint64_t syncs = node.disk.syncs();
    const auto applied = node.node->data_set().applied();
    std::vector<Asked<api::SendMessages>> asked;
    for (int at = 0; at < 200; ++at) asked.push_back(node.start(send("orders", {"x"})));
    node.step();
    for (const auto& one : asked) ASSERT_TRUE(one.answered() && *one);
    EXPECT_EQ(node.disk.syncs(), syncs + 1);
    EXPECT_EQ(node.node->data_set().applied(), applied + 1) << "and one entry";
}

TEST(Turn, AnEntryHoldsNoMoreThan512BodiesAndATurnFourEntries) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    node.settle_down();
    const auto applied = node.node->data_set().applied();
    std::vector<Asked<api::SendMessages>> asked;
    for (int at = 0; at < 160; ++at) {
        asked.push_back(node.start(send("orders", std::vector<std::string>(16, "x"))));
    }
    node.step();
    EXPECT_EQ(node.node->data_set().applied(), applied + 4);
    EXPECT_TRUE(asked[127].answered());
    EXPECT_FALSE(asked[128].answered());
    node.settle_down();
    EXPECT_TRUE(asked.back().answered());
    EXPECT_EQ(node.ask(api::GetQueue{"orders"})->active, 160U * 16U);
}

TEST(Turn, CallsWhoseTimeIsOverBeforeTheyAreProposedHaveNoEffect) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    std::vector<Asked<api::SendMessages>> asked;
    for (int at = 0; at < 160; ++at) {
        asked.push_back(node.start(send("orders", std::vector<std::string>(16, "x"))));
    }
    node.step();
    ASSERT_FALSE(asked.back().answered());
    node.clock.advance_ms(10'000);
    node.settle_down();
    ASSERT_TRUE(asked.back().answered());
    EXPECT_EQ(asked.back()->error().reason, model::Reason::overloaded);
    EXPECT_EQ(node.ask(api::GetQueue{"orders"})->active, 128U * 16U);
}

TEST(Turn, AnIdleNodeSleepsUntilItsHousekeeping) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    node.advance_ms(1'500);
    const auto applied = node.node->data_set().applied();
    EXPECT_GT(node.node->next_wake_us(), node.clock.steady_us() + 10'000);
    node.advance_ms(5'000);
    EXPECT_EQ(node.node->data_set().applied(), applied) << "nothing is written meanwhile";
}

}  // namespace penstock::testing
