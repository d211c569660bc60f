// A set that another node is to lead: what is on its way to endpoints comes to its end first.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

#include <utility>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::publish;
using penstock::testing::RecordedDeliveries;
using penstock::testing::subscribe;

constexpr SetId set{1};
constexpr std::int64_t leads_for_long_ms = 6'000;

MemberRules one_set() {
    MemberRules rules;
    rules.data_sets = 1;
    return rules;
}

// A topic `news` with the subscription `hook`, and the dispatcher of the node that leads its set.
class HandOver : public ::testing::Test {
  protected:
    HandOver() {
        world_.found();
        EXPECT_TRUE(world_.ask(1, api::CreateTopic{"news", {}}).has_value());
        const auto made = world_.ask(1, subscribe("news", "hook"));
        EXPECT_TRUE(made.has_value());
        if (made) subscription_ = model::SubscriptionNo{made->number};
        world_.run(leads_for_long_ms);
        from_ = world_.leader(set);
        to_ = from_ % 3 + 1;
        serve(from_, first_);
    }

    // Before the world with its nodes, who speak to them to the end.
    RecordedDeliveries first_;
    RecordedDeliveries second_;
    World world_{41, 3, one_set()};
    model::SubscriptionNo subscription_;
    std::uint64_t from_ = 0;
    std::uint64_t to_ = 0;

    void serve(std::uint64_t id, RecordedDeliveries& dispatcher) {
        world_.member(id).node().attach(dispatcher);
        world_.member(id).node().grant(subscription_, 10);
        world_.run(200);
    }

    void send(const std::string& body) {
        ASSERT_TRUE(world_.ask(1, publish("news", {body})).has_value());
        world_.run(200);
    }

    void hand_over() {
        api::ChangeCluster change;
        change.what = api::ChangeCluster::What::transfer;
        change.node = to_;
        change.set = set.value;
        ASSERT_TRUE(world_.ask(1, change).has_value());
    }

    void settle(const api::Delivery& delivery) {
        api::Dispatch::Settlement settlement;
        settlement.subscription = subscription_;
        model::SettleItem item;
        item.sequence = delivery.sequence;
        item.generation = delivery.generation;
        item.verdict = model::Verdict::accepted;
        settlement.items.push_back(std::move(item));
        world_.member(from_).node().settle(std::move(settlement), {});
    }

    bool moves(std::int64_t within_ms) {
        return world_.run_until([&] { return world_.leader(set) == to_; }, within_ms);
    }
};

TEST_F(HandOver, WaitsForWhatIsOnItsWayAndSendsNothingMore) {
    send("one");
    const auto under_way = first_.take();
    ASSERT_EQ(under_way.size(), 1U);
    hand_over();
    EXPECT_FALSE(moves(1'000));
    send("two");
    EXPECT_TRUE(first_.take().empty());
    settle(under_way.front());
    ASSERT_TRUE(moves(600));
    serve(to_, second_);
    const auto later = second_.take();
    ASSERT_EQ(later.size(), 1U) << "what was settled does not come again";
    EXPECT_EQ(later.front().sequence, under_way.front().sequence + 1);
}

TEST_F(HandOver, WaitsForNoSlowEndpoint) {
    send("one");
    ASSERT_EQ(first_.take().size(), 1U);
    hand_over();
    ASSERT_TRUE(moves(4'000));
    serve(to_, second_);
    EXPECT_EQ(second_.take().size(), 1U);
}

// Whoever was to take over dies: the old one goes on.
TEST_F(HandOver, ThatDoesNotHappenLeavesDeliveriesAsTheyWere) {
    send("one");
    ASSERT_EQ(first_.take().size(), 1U);
    hand_over();
    world_.run(400);
    world_.crash(to_);
    send("two");
    world_.run(4'000);
    EXPECT_EQ(world_.leader(set), from_);
    EXPECT_EQ(first_.take().size(), 1U);
}

}  // namespace
}  // namespace penstock::cluster::testing
