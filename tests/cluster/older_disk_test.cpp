// A node whose disk is an older image of itself: what it confirmed since is gone from it, and so
// may be what it voted for.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::send;

constexpr SetId data{1};

// Three nodes; the last one is a follower of every set, and its disk forgets its last life.
class OlderDisk : public ::testing::Test {
  protected:
    static constexpr std::uint64_t older = 3;

    OlderDisk() : world(41, 3, one_set()) {
        world.found();
        EXPECT_TRUE(world.ask(1, create_queue("q")).has_value());
        EXPECT_TRUE(world.ask(1, send("q", {"a"})).has_value());
        world.crash(older);
        world.member(older).keep_image();
        world.start(older);
        EXPECT_TRUE(world.run_until([&] { return world.all_led(); }));
        hand_over(model::names_set);
        hand_over(data);
        for (const char* body : {"b", "c", "d"}) {
            EXPECT_TRUE(world.ask(1, send("q", {body})).has_value());
        }
        world.run(500);
        world.crash(older);
        world.member(older).put_image_back();
    }

    static MemberRules one_set() {
        MemberRules rules;
        rules.data_sets = 1;
        return rules;
    }

    // To node 1, if need be: a leader remembers what was confirmed to it.
    void hand_over(SetId set) {
        api::ChangeCluster to_first;
        to_first.what = api::ChangeCluster::What::transfer;
        to_first.node = 1;
        to_first.set = set.value;
        EXPECT_TRUE(world.ask(1, to_first).has_value());
        EXPECT_TRUE(world.run_until([&] { return world.leader(set) == 1; }, 20'000));
    }

    std::size_t received(std::uint64_t id) {
        std::size_t count = 0;
        for (int round = 0; round < 6; ++round) {
            const auto got = world.ask(id, receive("q", 16, 1));
            if (got) count += got->messages.size();
        }
        return count;
    }

    World world;
};

TEST_F(OlderDisk, StopsItsNodeForGoodAndTheOthersGoOn) {
    world.start(older);
    ASSERT_TRUE(world.deaths().empty()) << world.deaths().front();
    ASSERT_TRUE(world.run_until([&] { return !world.member(older).up(); }, 4'000));
    ASSERT_EQ(world.deaths().size(), 1U);
    EXPECT_NE(world.deaths()[0].find("had confirmed"), std::string::npos) << world.deaths()[0];
    world.start(older);
    ASSERT_EQ(world.deaths().size(), 2U);
    EXPECT_NE(world.deaths()[1].find("does not start"), std::string::npos) << world.deaths()[1];
    EXPECT_NE(world.deaths()[1].find("an empty folder and a new id"), std::string::npos);
    EXPECT_TRUE(world.ask(2, send("q", {"e"})).has_value());
    EXPECT_EQ(received(2), 5U);
}

TEST_F(OlderDisk, MayBeAllThereIsOfItsCluster) {
    world.start(older);
    ASSERT_TRUE(world.run_until([&] { return !world.member(older).up(); }, 4'000));
    for (const std::uint64_t id : {1, 2}) {
        world.crash(id);
        world.member(id).wipe();
    }
    const auto recovered = world.member(older).recover();
    ASSERT_TRUE(recovered.has_value()) << recovered.error().detail;
    EXPECT_TRUE(recovered->condemned);
    world.start(older);
    EXPECT_EQ(world.deaths().size(), 1U);
    ASSERT_TRUE(world.run_until([&] { return world.all_led(); }));
    EXPECT_EQ(received(older), 1U);
}

}  // namespace
}  // namespace penstock::cluster::testing
