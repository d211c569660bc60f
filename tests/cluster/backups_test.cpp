// What a backup holds while leaders change.
#include "broker/node/backups.h"

#include "tests/cluster/world.h"

#include <gtest/gtest.h>

namespace penstock::cluster::testing {
namespace {

using What = api::ChangeBackup::What;

constexpr SetId data{1};

struct HeldSet {
    HeldSet() {
        world.found();
        leader = world.leader(data);
    }

    static MemberRules rules() {
        MemberRules rules;
        rules.data_sets = 1;
        return rules;
    }

    api::Outcome<api::BackupView> ask(What what) {
        api::ChangeBackup request;
        request.what = what;
        request.set = data.value;
        request.backup = 9;
        return world.ask(leader, request);
    }

    void hand_to(std::uint64_t id) {
        api::ChangeCluster transfer;
        transfer.what = api::ChangeCluster::What::transfer;
        transfer.set = data.value;
        transfer.node = id;
        ASSERT_TRUE(world.ask(1, transfer).has_value());
        ASSERT_TRUE(world.run_until([&] { return world.leader(data) == id; }));
        world.run(100);  // it serves
    }

    World world{71, 3, rules()};
    std::uint64_t leader = 0;
};

TEST(BackupOfACluster, ASetIsNotHeldAnyMoreOnceItsLeadWasAway) {
    HeldSet set;
    ASSERT_TRUE(set.ask(What::hold).has_value());
    const std::int64_t held_us = set.world.clock.steady_us();
    set.hand_to(set.leader % 3 + 1);
    set.hand_to(set.leader);
    ASSERT_LT(set.world.clock.steady_us(), held_us + node::backup_hold_us);
    const auto begun = set.ask(What::begin);
    ASSERT_FALSE(begun.has_value());
    EXPECT_EQ(begun.error().reason, model::Reason::unavailable);
}

}  // namespace
}  // namespace penstock::cluster::testing
