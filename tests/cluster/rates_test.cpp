// The rate that a queue has of its own holds where the queue is led.
#include "broker/api/quotas.h"
#include "broker/model/format.h"
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::send;

constexpr SetId data{1};
constexpr std::uint32_t rate = 5;

class NoAccounts final : public api::AccountBook {
  public:
    [[nodiscard]] std::shared_ptr<const api::Account> account(std::string_view) const override {
        return nullptr;
    }
};

// How many sends out of many a member's ways in let through at once.
int let_through(World& world, std::uint64_t id) {
    constexpr int many = 50;
    const NoAccounts book;
    api::Quotas quotas(book, world.clock, api::no_limits, &world.member(id).own_rates());
    int through = 0;
    for (int at = 0; at < many; ++at) {
        through += quotas.admit_forwarded(send("orders", {"x"})) ? 0 : 1;
    }
    return through;
}

TEST(RatesOfACluster, FollowTheLeaderOfTheirQueue) {
    MemberRules rules;
    rules.data_sets = 1;
    World world(66, 3, rules);
    world.found();
    const auto can_have_rates = [&] {
        return world.leader(data) != 0 &&
               world.member(world.leader(data)).node().hosted(data)->format() >=
                   model::own_rate_level;
    };
    ASSERT_TRUE(world.run_until(can_have_rates, 10'000));
    api::QueueChange rated;
    rated.messages_per_s = rate;
    ASSERT_TRUE(world.ask(1, create_queue("orders", rated)).has_value());
    const std::uint64_t first = world.leader(data);
    EXPECT_EQ(let_through(world, first), 5);
    EXPECT_EQ(let_through(world, first % 3 + 1), 50) << "who does not lead it does not judge";

    // Handed over: it holds from the first request on, and is forgotten where it held.
    api::ChangeCluster transfer;
    transfer.what = api::ChangeCluster::What::transfer;
    transfer.set = data.value;
    transfer.node = first % 3 + 1;
    ASSERT_TRUE(world.ask(1, transfer).has_value());
    const std::uint64_t second = transfer.node;
    ASSERT_TRUE(world.run_until([&] { return world.leader(data) == second; }, 20'000));
    ASSERT_TRUE(world.ask(first, send("orders", {"a"})).has_value());
    EXPECT_EQ(let_through(world, second), 5);
    EXPECT_TRUE(
        world.run_until([&] { return world.member(first).own_rates().of(false, "orders") == 0; }));

    // Its leader dies.
    world.crash(second);
    ASSERT_TRUE(world.run_until([&] { return world.leader(data) != 0; }, 20'000));
    const std::uint64_t third = world.leader(data);
    const auto received = world.ask(third, receive("orders"));
    ASSERT_TRUE(received.has_value());
    EXPECT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(let_through(world, third), 5);

    // A queue that is gone leaves nothing behind.
    ASSERT_TRUE(world.ask(first, api::DeleteQueue{"orders"}).has_value());
    EXPECT_EQ(world.member(third).own_rates().of(false, "orders"), 0U);
    EXPECT_TRUE(world.deaths().empty());
}

}  // namespace
}  // namespace penstock::cluster::testing
