// What is left of a cluster of which one disk is left.
#include "broker/core/names_query.h"
#include "broker/core/placement.h"
#include "broker/replication/etcd_raft/members.h"
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::send;

std::multiset<std::string> drain(World& world, std::uint64_t id, const std::string& queue) {
    std::multiset<std::string> bodies;
    for (int empty = 0; empty < 2;) {
        const auto got = world.ask(id, receive(queue, 16, 1));
        if (!got || got->messages.empty()) ++empty;
        if (!got) continue;
        for (const auto& message : got->messages) bodies.insert(message.payload);
    }
    return bodies;
}

// Three nodes with messages, in flight too, of which only one disk is left.
struct Disaster {
    Disaster(std::uint64_t seed, std::uint64_t survivor, std::uint32_t flush_age_ms)
        : world(seed, 3, rules(flush_age_ms)), left(survivor) {
        world.found();
        check(world.ask(1, create_queue("q")).has_value(), "a queue");
        for (int at = 0; at < 30; ++at) {
            const std::string body = "message " + std::to_string(at);
            asked.emplace_back(body, world.member(1 + at % 3).ask(send("q", {body})));
            world.run(static_cast<std::int64_t>(world.chance(20)));
        }
        for (std::uint64_t id = 1; id <= 3; ++id) world.crash(id);
        for (const auto& [body, one] : asked) {
            if (one.answered() && (*one).has_value()) acknowledged.insert(body);
        }
    }

    static MemberRules rules(std::uint32_t flush_age_ms) {
        MemberRules rules;
        rules.flush_age_ms = flush_age_ms;
        return rules;
    }

    void wipe_others() {
        for (std::uint64_t id = 1; id <= 3; ++id) {
            if (id != left) world.member(id).wipe();
        }
    }

    // The survivor serves, and nothing acknowledged is missing.
    void expect_all_there(const std::string& when) {
        world.start(left);
        ASSERT_TRUE(world.run_until([&] { return world.all_led(); })) << when;
        const auto found = drain(world, left, "q");
        for (const std::string& body : acknowledged) {
            EXPECT_GE(found.count(body), 1U) << when << ": " << body;
        }
        EXPECT_TRUE(world.deaths().empty()) << when << ": " << world.deaths().front();
        const auto view = world.ask(left, api::GetCluster{});
        ASSERT_TRUE(view.has_value()) << when;
        EXPECT_EQ(view->nodes.size(), 1U) << when;
    }

    World world;
    std::uint64_t left;
    std::vector<std::pair<std::string, Asked<api::SendMessages>>> asked;
    std::set<std::string> acknowledged;
};

TEST(Recovery, NothingAcknowledgedIsMissingOnTheDiskThatIsLeft) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        for (const std::uint32_t flush_age_ms : {1'000'000'000U, 100U}) {
            const std::string when = "seed " + std::to_string(seed);
            Disaster disaster(seed, 1 + seed % 3, flush_age_ms);
            EXPECT_GE(disaster.acknowledged.size(), 15U) << when;
            disaster.wipe_others();
            const auto recovered = disaster.world.member(disaster.left).recover();
            ASSERT_TRUE(recovered.has_value()) << when << ": " << recovered.error().detail;
            EXPECT_EQ(recovered->incarnation, 2U);
            EXPECT_EQ(recovered->forgotten.size(), 2U);
            ASSERT_EQ(recovered->sets.size(), 3U);
            for (const RecoveredSet& set : recovered->sets) {
                EXPECT_EQ(set.kind, ReplicaKind::voter) << when;
                EXPECT_GT(set.last, 1U) << when;
            }
            disaster.expect_all_there(when);
        }
    }
}

// The referee notices: a recovery that went by what this node knew to be committed would lose some.
TEST(Recovery, PlantedALogCutWhereItIsKnownToBeCommittedLosesSome) {
    std::size_t missing = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        Disaster disaster(seed, 1 + seed % 3, 1'000'000'000U);
        disaster.wipe_others();
        storage::LogStoreOptions options;
        options.segment_bytes = 1U << 20;
        Member& member = disaster.world.member(disaster.left);
        auto store =
            storage::LogStore::open(member.disk(), "data/log", options, [](SetId) { return 0ULL; });
        ASSERT_TRUE(store.has_value()) << store.error().detail;
        for (std::uint16_t number = 1; number <= 2; ++number) {
            const SetId set{number};
            const storage::HardState state = (*store)->hard_state(set);
            if (state.commit >= (*store)->range(set).last) continue;
            storage::EntryRecord empty;
            empty.set = set;
            empty.term = state.term;
            empty.index = state.commit + 1;
            (*store)->append(std::move(empty));
        }
        ASSERT_TRUE((*store)->sync().has_value());
        store->reset();
        ASSERT_TRUE(member.recover().has_value());
        disaster.world.start(disaster.left);
        ASSERT_TRUE(disaster.world.run_until([&] { return disaster.world.all_led(); }));
        const auto found = drain(disaster.world, disaster.left, "q");
        for (const std::string& body : disaster.acknowledged) {
            missing += found.contains(body) ? 0 : 1;
        }
    }
    EXPECT_GT(missing, 0U);
}

TEST(Recovery, WithoutItOneOfThreeDoesNothing) {
    Disaster disaster(5, 2, 1'000'000'000U);
    disaster.wipe_others();
    disaster.world.start(2);
    disaster.world.run(10'000);
    EXPECT_EQ(disaster.world.leader(model::names_set), 0U);
    EXPECT_EQ(disaster.world.leader(SetId{1}), 0U);
}

TEST(Recovery, CutShortAnywhereItIsDoneAgain) {
    bool done = false;
    int refused = 0;
    for (std::uint64_t writes = 0; !done; ++writes) {
        ASSERT_LT(writes, 200U);
        const std::string when = "cut after " + std::to_string(writes) + " writes";
        Disaster disaster(7, 3, 100);
        disaster.wipe_others();
        Member& member = disaster.world.member(3);
        member.disk().stop_after(writes);
        done = member.recover().has_value();
        member.disk().crash(writes);
        member.disk().heal();
        if (!done) {
            // Either as it was, or not to be used until it is done.
            if (auto started = member.start(); !started) {
                ++refused;
                EXPECT_NE(started.error().detail.find("cluster recover"), std::string::npos)
                    << when << ": " << started.error().detail;
            } else {
                disaster.world.run(2'000);
                const auto view = disaster.world.ask(3, api::GetCluster{});
                const bool whole = view && view->incarnation == 2;
                EXPECT_EQ(disaster.world.leader(model::names_set), whole ? 3U : 0U) << when;
                disaster.world.crash(3);
            }
            const auto again = member.recover();
            ASSERT_TRUE(again.has_value()) << when << ": " << again.error().detail;
        }
        disaster.expect_all_there(when);
    }
    EXPECT_GT(refused, 0);
}

TEST(Recovery, OldNodesThatComeBackAreNotHeard) {
    Disaster disaster(9, 1, 1'000'000'000U);
    ASSERT_TRUE(disaster.world.member(1).recover().has_value());
    disaster.world.start(1);
    ASSERT_TRUE(disaster.world.run_until([&] { return disaster.world.all_led(); }));
    disaster.world.start(2);
    disaster.world.start(3);
    disaster.world.run(5'000);
    ASSERT_TRUE(disaster.world.ask(1, create_queue("new")).has_value());
    disaster.world.run(2'000);
    for (std::uint64_t old = 2; old <= 3; ++old) {
        const auto& rows = disaster.world.member(old).node().names_set().rows();
        EXPECT_FALSE(core::find_name(rows, model::ObjectKind::queue, "new")) << old;
        const auto view = disaster.world.ask(old, api::GetCluster{});
        ASSERT_TRUE(view.has_value());
        for (const api::ClusterNodeView& node : view->nodes) {
            EXPECT_FALSE(node.node == 1 && node.connected) << old;
        }
    }
    api::ChangeCluster again;
    again.node = 2;
    again.peer_address = "peer-2";
    const auto added = disaster.world.ask(1, again);
    ASSERT_FALSE(added.has_value());
    EXPECT_NE(added.error().detail.find("never given twice"), std::string::npos)
        << added.error().detail;
}

TEST(Recovery, RecoveringTwiceIsAllTheSame) {
    Disaster disaster(11, 2, 100);
    disaster.wipe_others();
    ASSERT_TRUE(disaster.world.member(2).recover().has_value());
    const auto again = disaster.world.member(2).recover();
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    EXPECT_TRUE(again->forgotten.empty());
    disaster.expect_all_there("twice");
}

TEST(Recovery, AFolderWithoutAClusterIsNoSurvivor) {
    Disaster disaster(13, 2, 100);
    disaster.wipe_others();
    const auto wiped = disaster.world.member(1).recover();
    ASSERT_FALSE(wiped.has_value());
    EXPECT_NE(wiped.error().detail.find("no node of a cluster"), std::string::npos);
}

TEST(Recovery, AReplicaThatDidNotVoteIsTakenAndNamed) {
    Disaster disaster(15, 2, 1'000'000'000U);
    disaster.wipe_others();
    storage::LogStoreOptions options;
    options.segment_bytes = 1U << 20;
    auto store = storage::LogStore::open(
        disaster.world.member(2).disk(), "data/log", options, [](SetId) { return 0ULL; });
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    const replication::Members members{{NodeId{1}, NodeId{3}}, {NodeId{2}}};
    (*store)->append_conf_state(SetId{1}, replication::encode_members(members));
    ASSERT_TRUE((*store)->sync().has_value());
    store->reset();
    const auto recovered = disaster.world.member(2).recover();
    ASSERT_TRUE(recovered.has_value()) << recovered.error().detail;
    for (const RecoveredSet& set : recovered->sets) {
        const bool learns = set.set == SetId{1};
        EXPECT_EQ(set.kind, learns ? ReplicaKind::learner : ReplicaKind::voter) << set.set.value;
    }
    disaster.expect_all_there("learner");
}

// The node that is left was behind in set 0, and not in the set where a queue was made meanwhile.
TEST(Recovery, NoNumberIsGivenAgainThatAnObjectHas) {
    MemberRules rules;
    rules.data_sets = 1;
    World world(19, 3, rules);
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("known")).has_value());
    world.run(500);
    const model::LogIndex heard = world.member(2).node().names_set().applied();
    ASSERT_TRUE(world.ask(1, create_queue("unheard")).has_value());
    ASSERT_TRUE(world.ask(1, send("unheard", {"of somebody else"})).has_value());
    world.run(500);
    for (std::uint64_t id = 1; id <= 3; ++id) world.crash(id);
    storage::LogStoreOptions options;
    options.segment_bytes = 1U << 20;
    Member& member = world.member(2);
    auto store =
        storage::LogStore::open(member.disk(), "data/log", options, [](SetId) { return 0ULL; });
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    ASSERT_GT((*store)->range(model::names_set).last, heard + 1);
    storage::HardState state = (*store)->hard_state(model::names_set);
    storage::EntryRecord empty;
    empty.set = model::names_set;
    empty.term = state.term;
    empty.index = heard + 1;
    (*store)->append(std::move(empty));
    state.commit = heard;
    (*store)->append_hard_state(model::names_set, state);
    ASSERT_TRUE((*store)->sync().has_value());
    store->reset();
    const auto recovered = member.recover();
    ASSERT_TRUE(recovered.has_value()) << recovered.error().detail;
    world.start(2);
    ASSERT_TRUE(world.run_until([&] { return world.all_led(); }));
    EXPECT_FALSE(world.ask(2, receive("unheard")).has_value());
    const auto made = world.ask(2, create_queue("later"));
    ASSERT_TRUE(made.has_value()) << made.error().detail;
    EXPECT_EQ(made->name, "later");
    const auto got = world.ask(2, receive("later"));
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_TRUE(got->messages.empty());
}

// Four nodes, three replicas a set: somebody lacks one.
TEST(Recovery, ASetThatIsNotHereIsNamedAndTheOthersServe) {
    MemberRules rules;
    rules.data_sets = 4;
    World world(17, 4, rules);
    for (std::uint64_t id = 1; id <= 4; ++id) world.start(id);
    world.run(20);
    ASSERT_TRUE(world.ask(1, api::InitCluster{}).has_value());
    ASSERT_TRUE(world.run_until([&] {
        for (std::uint16_t number = 0; number <= 4; ++number) {
            if (world.leader(SetId{number}) == 0) return false;
        }
        return true;
    }));
    for (int at = 0; at < 8; ++at) {
        ASSERT_TRUE(world.ask(1, create_queue("q" + std::to_string(at))).has_value());
    }
    for (std::uint64_t id = 1; id <= 4; ++id) world.crash(id);
    const auto recovered = world.member(4).recover();
    ASSERT_TRUE(recovered.has_value()) << recovered.error().detail;
    std::set<SetId> lost;
    for (const RecoveredSet& set : recovered->sets) {
        if (set.kind != ReplicaKind::lost) continue;
        lost.insert(set.set);
        EXPECT_GT(set.objects, 0U);
    }
    ASSERT_EQ(lost.size(), 1U);
    world.start(4);
    const auto led = [&] {
        for (std::uint16_t number = 0; number <= 4; ++number) {
            if (!lost.contains(SetId{number}) && world.leader(SetId{number}) != 4) return false;
        }
        return true;
    };
    ASSERT_TRUE(world.run_until(led));
    for (int at = 0; at < 8; ++at) {
        const std::string name = "q" + std::to_string(at);
        const bool gone = lost.contains(world.set_of(name));
        const auto sent = world.ask(4, send(name, {"x"}));
        EXPECT_EQ(sent.has_value(), !gone) << name;
        EXPECT_TRUE(sent || sent.error().reason == model::Reason::unavailable) << name;
    }
    for (int at = 8; at < 16; ++at) {
        const std::string name = "q" + std::to_string(at);
        const auto made = world.ask(4, create_queue(name));
        ASSERT_TRUE(made.has_value()) << name << ": " << made.error().detail;
        EXPECT_FALSE(lost.contains(world.set_of(name))) << name;
    }
    EXPECT_TRUE(world.ask(4, api::ListQueues{}).has_value());
}

}  // namespace
}  // namespace penstock::cluster::testing
