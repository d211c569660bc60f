// Who may vote: a founding that is cut short anywhere comes to its end or can be called again, and
// a node that lost its disk never votes for what it has forgotten.
#include "broker/core/names_query.h"
#include "broker/replication/etcd_raft/members.h"
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;

constexpr const char* identity_file = "data/cluster";
constexpr const char* promises_file = "data/promises";

bool has_file(World& world, std::uint64_t id, const std::string& file) {
    const auto files = world.member(id).disk().files();
    return std::find(files.begin(), files.end(), file) != files.end();
}

bool any_has_begun(World& world) {
    return has_file(world, 1, identity_file) || has_file(world, 2, identity_file) ||
           has_file(world, 3, identity_file);
}

// What an operator does: calls again until it works.
bool found_again(World& world, std::uint64_t caller) {
    for (int tries = 0; tries < 5; ++tries) {
        if (world.ask(caller, api::InitCluster{})) return true;
        world.run(500);
    }
    return false;
}

void expect_one_cluster(World& world, const std::string& when) {
    EXPECT_TRUE(world.run_until([&] { return world.all_led(); }, 20'000)) << when;
    std::string cluster;
    for (std::uint64_t id = 1; id <= 3; ++id) {
        const auto view = world.ask(id, api::GetCluster{});
        ASSERT_TRUE(view.has_value()) << when;
        if (cluster.empty()) cluster = view->cluster_id;
        EXPECT_EQ(view->cluster_id, cluster) << when << ", node " << id;
        EXPECT_EQ(view->nodes.size(), 3U) << when;
    }
    EXPECT_TRUE(world.differences().empty()) << when;
}

void start_all(World& world) {
    for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
    world.run(20);
}

TEST(FoundingSafety, TheLossOfAnyMessageIsMadeUpFor) {
    // Two promises and two calls, each with its answer; then the ones of those who have begun.
    for (std::uint64_t nth = 1; nth <= 16; ++nth) {
        const std::string when = "message " + std::to_string(nth) + " lost";
        World world(nth);
        start_all(world);
        world.network.lose(nth);
        const auto first = world.ask(1, api::InitCluster{});
        if (!any_has_begun(world)) {
            EXPECT_FALSE(first.has_value()) << when;
            EXPECT_TRUE(found_again(world, 2)) << when;
        }
        // Nobody is called again once one has begun.
        expect_one_cluster(world, when);
        EXPECT_TRUE(world.deaths().empty()) << when;
    }
}

TEST(FoundingSafety, ANodeThatDiesBeforeAnyOfItsWritesIsTakenInWhenItComesBack) {
    for (std::uint64_t victim = 1; victim <= 3; ++victim) {
        for (std::uint64_t writes = 0; writes < 60; ++writes) {
            const std::string when =
                "node " + std::to_string(victim) + " after " + std::to_string(writes) + " writes";
            World world(victim * 100 + writes);
            start_all(world);
            world.member(victim).disk().stop_after(writes);
            auto asked = world.member(1).ask(api::InitCluster{});
            world.run(400);
            world.crash(victim);
            world.member(victim).disk().heal();
            world.run(20);
            world.start(victim);
            world.run(200);
            EXPECT_TRUE(found_again(world, victim % 3 + 1)) << when;
            expect_one_cluster(world, when);
            EXPECT_LE(world.deaths().size(), 1U) << when;
        }
    }
}

TEST(FoundingSafety, ANodeThatIsWipedAtAnyMomentNeverBeginsOnAnotherDisksPromise) {
    int refused = 0;
    int taken = 0;
    for (std::uint64_t victim = 1; victim <= 3; ++victim) {
        for (std::int64_t pause_us = 0; pause_us < 30'000; pause_us += 500) {
            const std::string when = "node " + std::to_string(victim) + " wiped after " +
                                     std::to_string(pause_us) + " us";
            World world(victim * 1'000 + static_cast<std::uint64_t>(pause_us));
            start_all(world);
            auto asked = world.member(1).ask(api::InitCluster{});
            const std::int64_t until_us = world.clock.steady_us() + pause_us;
            world.run_until([&] { return world.clock.steady_us() >= until_us; });
            const bool had_a_part =
                has_file(world, victim, promises_file) || has_file(world, victim, identity_file);
            world.crash(victim);
            world.member(victim).wipe();
            world.start(victim);
            world.run(7'000);
            const bool others_begun = has_file(world, victim % 3 + 1, identity_file) ||
                                      has_file(world, (victim + 1) % 3 + 1, identity_file);
            if (had_a_part && others_begun) {
                ++refused;
                for (std::uint64_t caller = 1; caller <= 3; ++caller) {
                    EXPECT_FALSE(world.ask(caller, api::InitCluster{}).has_value()) << when;
                }
                EXPECT_FALSE(has_file(world, victim, identity_file)) << when;
                continue;
            }
            ++taken;
            EXPECT_TRUE(found_again(world, victim)) << when;
            expect_one_cluster(world, when);
        }
    }
    EXPECT_GT(refused, 0);
    EXPECT_GT(taken, 0);
}

TEST(FoundingSafety, ANodeWhoseIdentityOutlivedItsLogDoesNotStart) {
    World world;
    world.found();
    world.crash(2);
    const std::string identity = world.member(2).disk().bytes_of(identity_file);
    world.member(2).wipe();
    world.member(2).disk().put_bytes(identity_file, identity);
    world.start(2);
    ASSERT_EQ(world.deaths().size(), 1U);
    EXPECT_NE(world.deaths().front().find("the disk was lost"), std::string::npos)
        << world.deaths().front();
    EXPECT_NE(world.deaths().front().find("replace this node"), std::string::npos);
    EXPECT_FALSE(world.member(2).up());
}

TEST(FoundingSafety, AMemberWithoutItsIdentityDoesNotStart) {
    World world;
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    world.run(500);
    world.crash(2);
    const std::string identity = world.member(2).disk().bytes_of(identity_file);
    ASSERT_TRUE(world.member(2).disk().remove(identity_file).has_value());
    world.start(2);
    ASSERT_EQ(world.deaths().size(), 1U);
    EXPECT_NE(world.deaths().front().find("data/cluster is missing"), std::string::npos)
        << world.deaths().front();
    EXPECT_FALSE(world.member(2).up());
    world.member(2).disk().put_bytes(identity_file, identity);
    world.start(2);
    EXPECT_TRUE(world.run_until([&] { return world.all_led(); })) << "nothing else was changed";
}

TEST(FoundingSafety, TheOthersShowThatAFounderLostItsDisk) {
    World world;
    world.found();
    world.crash(2);
    world.member(2).wipe();
    world.start(2);
    world.run(2'000);
    const auto view = world.ask(1, api::GetCluster{});
    ASSERT_TRUE(view.has_value());
    for (const api::ClusterNodeView& node : view->nodes) {
        EXPECT_EQ(node.problem.find("replace it") != std::string::npos, node.node == 2)
            << node.node << ": " << node.problem;
    }
}

TEST(FoundingSafety, TwoCallersAtOnceMakeOneCluster) {
    for (std::int64_t pause = 0; pause < 20; ++pause) {
        const std::string when = std::to_string(pause) + " ms apart";
        World world(static_cast<std::uint64_t>(pause) + 500);
        start_all(world);
        auto first = world.member(1).ask(api::InitCluster{});
        world.run(pause);
        auto second = world.member(2).ask(api::InitCluster{});
        world.run(6'000);
        EXPECT_TRUE((first.answered() && first->has_value()) ||
                    (second.answered() && second->has_value()))
            << when;
        EXPECT_TRUE(first.answered()) << when;
        EXPECT_TRUE(second.answered()) << when;
        EXPECT_TRUE(found_again(world, 3)) << when;
        expect_one_cluster(world, when);
    }
}

// An entry is acknowledged by nodes 1 and 2, node 3 does not hear of it. Then node 2 loses its disk
// while node 1 is down.
struct LostDisk {
    LostDisk() {
        world.found();
        identity = world.member(2).disk().bytes_of(identity_file);
        world.isolate(3);
        const auto led = [this] {
            return !world.member(3).leads(model::names_set) &&
                   (world.member(1).leads(model::names_set) ||
                    world.member(2).leads(model::names_set));
        };
        check(world.run_until(led), "the two lead set 0");
        check(world.ask(1, create_queue("acknowledged")).has_value(), "a queue");
        check(!knows_queue(3), "node 3 is cut off");
        world.crash(1);
        world.crash(2);
        world.network.heal_all();
        world.member(2).wipe();
    }

    bool knows_queue(std::uint64_t id) {
        const auto& rows = world.member(id).node().names_set().rows();
        return core::find_name(rows, model::ObjectKind::queue, "acknowledged").has_value();
    }

    // What a repeated call did once: the wiped node begins set 0 as if it had never voted.
    void plant_a_fresh_founder() {
        MemoryDisk& disk = world.member(2).disk();
        check(disk.make_folder("data/log").has_value(), "a folder");
        storage::LogStoreOptions options;
        options.segment_bytes = 1U << 20;
        auto store = storage::LogStore::open(disk, "data/log", options, [](SetId) { return 0ULL; });
        check(store.has_value(), "a store");
        const replication::Members all{{NodeId{1}, NodeId{2}, NodeId{3}}, {}};
        (*store)->replace_log(model::names_set, {1, 1});
        (*store)->append_hard_state(model::names_set, {1, 0, 1});
        (*store)->append_conf_state(model::names_set, replication::encode_members(all));
        check((*store)->sync().has_value(), "synced");
        disk.put_bytes(identity_file, identity);
    }

    World world;
    std::string identity;
};

TEST(FoundingSafety, AWipedFounderDoesNotHelpToElectAnOlderLog) {
    LostDisk lost;
    lost.world.start(2);
    lost.world.run(10'000);
    EXPECT_EQ(lost.world.leader(model::names_set), 0U);
    for (std::uint64_t caller = 2; caller <= 3; ++caller) {
        EXPECT_FALSE(lost.world.ask(caller, api::InitCluster{}).has_value());
    }
    EXPECT_EQ(lost.world.leader(model::names_set), 0U);
    lost.world.start(1);
    EXPECT_TRUE(lost.world.run_until([&] { return lost.knows_queue(3); }));
}

// The test above would notice.
TEST(FoundingSafety, PlantedAFounderThatForgotItsVotesLosesWhatWasAcknowledged) {
    LostDisk lost;
    lost.plant_a_fresh_founder();
    lost.world.start(2);
    ASSERT_TRUE(lost.world.deaths().empty()) << lost.world.deaths().front();
    ASSERT_TRUE(lost.world.run_until([&] { return lost.world.member(3).leads(model::names_set); }));
    lost.world.start(1);
    lost.world.run(5'000);
    for (const std::uint64_t id : {2, 3}) EXPECT_FALSE(lost.knows_queue(id)) << id;
    // The one that still had it finds that the others agree on something else.
    EXPECT_FALSE(lost.world.member(1).up());
    ASSERT_EQ(lost.world.deaths().size(), 1U);
    EXPECT_NE(lost.world.deaths().front().find("state hash"), std::string::npos)
        << lost.world.deaths().front();
}

}  // namespace
}  // namespace penstock::cluster::testing
