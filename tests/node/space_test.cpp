#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

using model::Reason;

TEST(Space, BelowTheReserveSendsAreRefusedAndWhatFreesSpaceGoesOn) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(send("orders", {"early"})));
    node.node.reset();
    node.options.log.reserve_percent = 50;
    node.disk.limit(6U << 20);
    node.open();
    const std::string large(60'000, 'x');
    bool refused = false;
    for (int at = 0; at < 200 && !refused; ++at) {
        const auto sent = node.ask(send("orders", {large}));
        node.advance_ms(250);
        refused = !sent;
        if (refused) {
            EXPECT_EQ(sent.error().reason, Reason::disk_full);
        }
    }
    ASSERT_TRUE(refused);
    EXPECT_EQ(node.ask(create_queue("another")).error().reason, Reason::disk_full);
    const auto received = node.ask(receive("orders"));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    const auto removed = node.ask(remove("orders", {received->messages[0].receipt}));
    EXPECT_TRUE(removed->removed.at(0));
    EXPECT_EQ(node.ask(api::GetStatus{})->space, "below_reserve");
}

TEST(Space, AFailedSyncEndsTheNodeAndAnswersNothing) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    node.disk.fail_syncs_from(1, Errc::io);
    const auto sent = node.start(send("orders", {"lost?"}));
    EXPECT_FALSE(node.node->step());
    EXPECT_FALSE(sent.answered());
}

TEST(Overload, CallsBeyondTheMailboxAreRefusedAtOnce) {
    node::NodeOptions options;
    options.calls_max = 2;
    SteppedNode node(options);
    const auto first = node.start(api::GetQueue{"a"});
    const auto second = node.start(api::GetQueue{"b"});
    const auto third = node.start(api::GetQueue{"c"});
    EXPECT_FALSE(first.answered());
    EXPECT_FALSE(second.answered());
    ASSERT_TRUE(third.answered());
    EXPECT_EQ(third->error().reason, Reason::overloaded);
    node.settle_down();
    EXPECT_EQ(first->error().reason, Reason::queue_not_found);
    EXPECT_TRUE(second.answered());
}

TEST(Overload, BeforeTheStartAndAfterTheEndCallsAreUnavailable) {
    SteppedNode node;
    ASSERT_TRUE(node.node->close());
    const auto late = node.start(api::GetQueue{"a"});
    ASSERT_TRUE(late.answered());
    EXPECT_EQ(late->error().reason, Reason::unavailable);
    EXPECT_FALSE(node.node->ready());
}

}  // namespace penstock::testing
