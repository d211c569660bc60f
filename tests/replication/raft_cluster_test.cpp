// What a replicated set does in situations that are set up by hand.
#include "broker/replication/local_log.h"
#include "broker/replication/peer_frame.h"
#include "tests/replication/etcd_raft/engine_under_test.h"
#include "tests/replication/simulated_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication::testing {
namespace {

constexpr NodeId one{1};
constexpr NodeId two{2};
constexpr NodeId three{3};

class RaftCluster : public ::testing::Test {
  protected:
    void found(std::uint64_t nodes, RaftOptions options = small_options()) {
        cluster = std::make_unique<SimulatedCluster>(library(), 42, options);
        cluster->found(nodes);
    }

    SimulatedReplica& leader() {
        SimulatedReplica* found = cluster->run_to_leader();
        EXPECT_NE(found, nullptr);
        return found != nullptr ? *found : *cluster->nodes().begin()->second;
    }

    // A voter that does not lead.
    SimulatedReplica& follower() {
        const NodeId leading = leader().id();
        return cluster->node(leading == one ? 2 : 1);
    }

    void propose(std::uint64_t entries) {
        for (std::uint64_t at = 0; at < entries; ++at) {
            leader().propose(static_cast<TimeMs>(1'000 + cluster->now_ms()));
            leader().run();
            if (at % 8 == 7) cluster->run(30);
        }
        cluster->run(200);
    }

    void expect_all_agree() {
        EXPECT_THAT(cluster->violations(), ::testing::IsEmpty());
        for (const auto& [id, node] : cluster->nodes()) {
            if (!node->up() || !leader().log().members().has(id)) continue;
            EXPECT_EQ(node->rows().applied, leader().rows().applied) << id.value;
            EXPECT_EQ(node->rows().hash, leader().rows().hash) << id.value;
        }
    }

    void change(MembershipChange::Kind kind, NodeId node) {
        const auto proposed = leader().log().change({kind, node});
        ASSERT_TRUE(proposed) << proposed.error().detail;
        leader().run();
        cluster->run(500);
    }

    std::unique_ptr<SimulatedCluster> cluster;
};

TEST_F(RaftCluster, ThreeFoundersElectALeaderAndAgree) {
    found(3);
    propose(30);
    EXPECT_GE(cluster->world().referee.acknowledged_count(), 30U);
    expect_all_agree();
}

TEST_F(RaftCluster, AKilledLeaderIsReplacedInAFewTicksWhenItsPeersAreTold) {
    std::vector<std::uint64_t> gaps;
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        cluster = std::make_unique<SimulatedCluster>(library(), seed);
        cluster->found(3);
        propose(3);
        SimulatedReplica& killed = leader();
        cluster->run(cluster->chance(100));
        const std::uint64_t at = cluster->now_ms();
        cluster->crash(killed);
        while (cluster->leader() == nullptr && cluster->now_ms() < at + 2'000) cluster->run(1);
        gaps.push_back(cluster->now_ms() - at);
        EXPECT_THAT(cluster->violations(), ::testing::IsEmpty());
    }
    std::sort(gaps.begin(), gaps.end());
    std::cout << "told: median " << gaps[12] << " ms, worst " << gaps.back() << " ms\n";
    EXPECT_LE(gaps[12], 2 * tick_ms);
    EXPECT_LE(gaps.back(), 10 * tick_ms);  // one time-out
}

TEST_F(RaftCluster, ASilentLeaderIsReplacedAfterItsTimeOut) {
    std::vector<std::uint64_t> gaps;
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        cluster = std::make_unique<SimulatedCluster>(library(), seed);
        cluster->tells_of_crashes = false;
        cluster->found(3);
        propose(3);
        const std::uint64_t at = cluster->now_ms();
        cluster->crash(leader());
        while (cluster->leader() == nullptr && cluster->now_ms() < at + 3'000) cluster->run(1);
        gaps.push_back(cluster->now_ms() - at);
        EXPECT_THAT(cluster->violations(), ::testing::IsEmpty());
    }
    std::sort(gaps.begin(), gaps.end());
    std::cout << "silent: median " << gaps[12] << " ms, worst " << gaps.back() << " ms\n";
    EXPECT_LE(gaps[12], 20 * tick_ms);
    EXPECT_LE(gaps.back(), 60 * tick_ms);
}

TEST_F(RaftCluster, ALostConnectionToALivingLeaderChangesNothing) {
    found(3);
    propose(5);
    const std::uint64_t term = leader().log().leadership().term;
    const NodeId leading = leader().id();
    follower().log().peer_lost(leading);
    follower().run();
    cluster->run(2'000);
    EXPECT_EQ(leader().id(), leading);
    EXPECT_EQ(leader().log().leadership().term, term);
}

TEST_F(RaftCluster, EntriesOlderThanTheWindowAreSentFromDisk) {
    RaftOptions options = small_options();
    options.keep_bytes_for_followers = 10 << 20;
    found(3, options);
    SimulatedReplica& behind = follower();
    cluster->isolate(behind.id());
    propose(150);
    cluster->heal();
    cluster->run(3'000);
    expect_all_agree();
    EXPECT_GT(leader().log().counters().entries_reread, 50U);
    EXPECT_EQ(behind.log().counters().snapshots_installed, 0U);
}

// An append of one entry of a kilobyte; all before it is committed.
std::string append_behind(SimulatedReplica& leader, NodeId to, LogIndex index) {
    const std::string body(1'000, 'x');
    const std::string payload =
        encode_payload(1'000, "proposal 6000000", std::vector<std::string_view>{body});
    const std::uint64_t term = leader.log().leadership().term;
    const std::array<RaftEntry, 1> entries{{{term,
                                             index + 1,
                                             EntryKind::normal,
                                             static_cast<std::uint32_t>(payload.size()),
                                             &payload}}};
    Message message;
    message.type = MessageType::append;
    message.to = to;
    message.from = leader.id();
    message.term = term;
    message.log_term = term;
    message.index = index;
    message.commit = index;
    message.entries = entries;
    return encode_frame(simulated_set, message, std::array<std::string_view, 1>{payload}, nullptr);
}

TEST_F(RaftCluster, WhoIsBehindTakesInNoMoreThanHalfAWindowThatIsNotApplied) {
    found(3);
    propose(1);
    SimulatedReplica& behind = follower();
    cluster->isolate(behind.id());
    RaftLog& log = behind.log();
    const LogIndex before = behind.store().range(simulated_set).last;
    for (LogIndex at = 0; at < 40; ++at) {
        log.receive(leader().id(), append_behind(leader(), behind.id(), before + at));
    }
    LogIndex handed_out = before;
    LogIndex most = 0;
    for (int turn = 0; turn < 1'000 && log.busy(); ++turn) {
        log.cycle();
        ASSERT_TRUE(behind.store().sync());
        const LogIndex last = behind.store().range(simulated_set).last;
        most = std::max(most, last - handed_out);
        const auto committed = log.take_committed();
        if (!committed.empty()) handed_out = committed.back().index;
    }
    EXPECT_FALSE(log.busy());
    EXPECT_EQ(behind.store().range(simulated_set).last, before + 40);
    EXPECT_EQ(handed_out, before + 39);
    EXPECT_LE(most, small_options().window_bytes_max / 2 / 1'000);
}

// Flips a byte of a proposal on the disk of `node`.
void damage(SimulatedReplica& node, const std::string& proposal) {
    for (const std::string& file : node.disk().files()) {
        std::string bytes = node.disk().bytes_of(file);
        const auto found = bytes.find(proposal);
        if (found == std::string::npos) continue;
        bytes[found] ^= 1;
        node.disk().put_bytes(file, bytes);
    }
}

TEST_F(RaftCluster, ADamagedEntryIsNotSentAndASnapshotTakesItsPlace) {
    RaftOptions options = small_options();
    options.keep_bytes_for_followers = 10 << 20;
    found(3, options);
    propose(2);
    SimulatedReplica& behind = follower();
    cluster->isolate(behind.id());
    propose(150);
    damage(leader(), "proposal 40");
    cluster->heal();
    cluster->run(5'000);
    EXPECT_GT(leader().log().counters().entries_unreadable, 0U);
    EXPECT_GE(behind.log().counters().snapshots_installed, 1U);
    expect_all_agree();
}

TEST_F(RaftCluster, AFollowerBehindTheLogIsSentASnapshot) {
    found(3);
    SimulatedReplica& behind = follower();
    cluster->isolate(behind.id());
    propose(400);
    leader().flush();
    leader().flush();
    EXPECT_GT(leader().log().first(), behind.rows().applied + 1);
    cluster->heal();
    cluster->run(4'000);
    expect_all_agree();
    EXPECT_GE(behind.log().counters().snapshots_installed, 1U);
}

// Rows are flushed while more comes in: what a snapshot is of is in the middle of a run of entries.
TEST_F(RaftCluster, TheLogMovesOnHoweverFarBehindItsEndTheRowsAreFlushed) {
    RaftOptions options = small_options();
    options.keep_bytes_for_followers = 256 << 10;
    found(3, options);
    constexpr LogIndex entries_kept = 1'000;  // of some 280 bytes
    SimulatedReplica& node = leader();
    for (int step = 0; step < 100; ++step) {
        propose(103);
        node.log().applied_flushed(node.rows().applied - 3);
        if (node.log().snapshot_wanted()) node.make_snapshot();
        propose(7);
    }
    EXPECT_GT(node.rows().applied, 10 * entries_kept);
    EXPECT_LT(node.rows().applied - node.log().first(), entries_kept / 10 * 13);
}

TEST_F(RaftCluster, ASnapshotThatNobodyServesFailsAndIsOfferedAgain) {
    found(3);
    SimulatedReplica& behind = follower();
    cluster->isolate(behind.id());
    cluster->serves_snapshots = false;
    propose(400);
    leader().flush();
    leader().flush();
    cluster->heal();
    cluster->run(4'000);  // 50 ticks are 1.5 s
    EXPECT_GE(leader().log().counters().snapshots_offered, 2U);
    EXPECT_LT(behind.rows().applied, leader().rows().applied);
    cluster->serves_snapshots = true;
    cluster->run(4'000);
    expect_all_agree();
}

TEST_F(RaftCluster, GrowsFromTheLogOfASingleNode) {
    cluster = std::make_unique<SimulatedCluster>(library(), 9);
    auto alone = std::make_unique<SimulatedReplica>(one, cluster->world());
    {
        storage::LogStoreOptions options;
        options.segment_bytes = 1 << 20;
        options.reserve_segments = 0;
        auto store = storage::LogStore::open(
            alone->disk(), "log", options, [](SetId) -> LogIndex { return 0; });
        ASSERT_TRUE(store);
        LocalLog local(simulated_set, **store, 0);
        for (std::uint64_t at = 1; at <= 20; ++at) {
            ASSERT_TRUE(
                local.propose({at, 100, "proposal " + std::to_string(1'000 + at), {"body"}}));
        }
        ASSERT_TRUE((*store)->sync());
    }
    alone->adopt({15, 100, 99, {}});
    cluster->take_in(std::move(alone), RaftOrigin::alone).run();
    ASSERT_TRUE(cluster->node(1).leading());  // no tick was needed
    EXPECT_EQ(cluster->node(1).rows().applied, 21U);
    for (const NodeId added : {two, three}) {
        cluster->add(added, RaftOrigin::joining);
        change(MembershipChange::Kind::add_learner, added);
        // Not before it has nearly everything.
        EXPECT_EQ(leader().log().progress(added)->match, leader().rows().applied);
        change(MembershipChange::Kind::promote, added);
    }
    EXPECT_THAT(leader().log().members().voters, ::testing::ElementsAre(one, two, three));
    cluster->add(NodeId{4}, RaftOrigin::joining);
    expect_all_agree();
    cluster->crash(cluster->node(1));
    cluster->run(1'000);
    EXPECT_NE(leader().id(), one);
    propose(3);
    expect_all_agree();
}

TEST_F(RaftCluster, RowsThatWereNeverFlushedStopASingleNodesLog) {
    cluster = std::make_unique<SimulatedCluster>(library(), 9);
    SimulatedReplica alone(one, cluster->world());
    {
        storage::LogStoreOptions options;
        options.segment_bytes = 1 << 20;
        options.reserve_segments = 0;
        auto store = storage::LogStore::open(
            alone.disk(), "log", options, [](SetId) -> LogIndex { return 0; });
        LocalLog local(simulated_set, **store, 0);
        ASSERT_TRUE(local.propose({1, 100, "proposal 1", {}}));
        ASSERT_TRUE((*store)->sync());
    }
    alone.start(RaftOrigin::alone);
    EXPECT_FALSE(alone.up());
    ASSERT_EQ(cluster->violations().size(), 1U);
    EXPECT_THAT(cluster->violations()[0], ::testing::HasSubstr("apply and flush"));
}

TEST_F(RaftCluster, ARemovedNodeDisturbsNobody) {
    found(3);
    propose(5);
    cluster->add(NodeId{4}, RaftOrigin::joining);
    change(MembershipChange::Kind::add_learner, NodeId{4});
    cluster->run(1'000);
    change(MembershipChange::Kind::promote, NodeId{4});
    const NodeId removed = follower().id();
    const NodeId leading = leader().id();
    const std::uint64_t term = leader().log().leadership().term;
    change(MembershipChange::Kind::remove, removed);
    cluster->run(10'000);
    EXPECT_EQ(leader().id(), leading);
    EXPECT_EQ(leader().log().leadership().term, term);
    EXPECT_FALSE(leader().log().members().has(removed));
    propose(5);
    expect_all_agree();
}

TEST_F(RaftCluster, ChangesThatBreakARuleAreRefused) {
    found(3);
    propose(1);
    using Kind = MembershipChange::Kind;
    RaftLog& log = leader().log();
    EXPECT_FALSE(log.change({Kind::remove, leader().id()}));  // R6
    EXPECT_FALSE(log.change({Kind::promote, NodeId{9}}));     // R7
    EXPECT_FALSE(follower().log().change({Kind::add_learner, NodeId{9}}));
    EXPECT_TRUE(log.change({Kind::add_learner, NodeId{9}}));
    EXPECT_FALSE(log.change({Kind::add_learner, NodeId{8}}));  // R3: one at a time
    leader().run();
    cluster->run(200);
    EXPECT_TRUE(log.members().is_learner(NodeId{9}));
    EXPECT_FALSE(log.transfer(NodeId{9}));                 // R10
    EXPECT_FALSE(log.change({Kind::promote, NodeId{9}}));  // nobody is there
}

TEST_F(RaftCluster, LeadershipIsHandedOver) {
    found(3);
    propose(5);
    SimulatedReplica& before = leader();
    const auto successor = before.log().successor();
    ASSERT_TRUE(successor);
    ASSERT_TRUE(before.log().transfer(*successor));
    before.run();
    const std::uint64_t at = cluster->now_ms();
    while (!cluster->nodes().at(*successor)->leading() && cluster->now_ms() < at + 1'000) {
        cluster->run(1);
    }
    EXPECT_LE(cluster->now_ms() - at, 2 * tick_ms);
    cluster->run(200);
    EXPECT_EQ(leader().id(), *successor);
    expect_all_agree();
}

TEST_F(RaftCluster, WhatACutOffLeaderProposedIsUnknownAndSuperseded) {
    found(3);
    propose(5);
    SimulatedReplica& old = leader();
    cluster->isolate(old.id());
    for (int at = 0; at < 5; ++at) old.propose(9'000);
    old.read();
    old.run();
    const LogIndex tried = old.store().range(simulated_set).last;
    const std::uint64_t acknowledged = cluster->world().referee.acknowledged_count();
    cluster->run(2'000);
    EXPECT_FALSE(old.leading());  // it noticed
    propose(8);
    EXPECT_GE(cluster->world().referee.acknowledged_count(), acknowledged + 8);
    EXPECT_GT(leader().rows().applied, tried);
    cluster->heal();
    cluster->run(2'000);
    expect_all_agree();
    cluster->world().referee.finish();  // tokens and reads have ended
    EXPECT_THAT(cluster->violations(), ::testing::IsEmpty());
    const auto mine = old.store().facts(simulated_set, tried, 1);
    const auto theirs = leader().store().facts(simulated_set, tried, 1);
    ASSERT_TRUE(mine && theirs);
    EXPECT_EQ(mine->at(0), theirs->at(0));
}

TEST_F(RaftCluster, MatchedByIsTheSlowestOfThoseAskedFor) {
    found(3);
    propose(5);
    SimulatedReplica& slow = follower();
    cluster->isolate(slow.id());
    const LogIndex before = leader().rows().applied;
    propose(5);
    RaftLog& log = leader().log();
    EXPECT_EQ(log.matched_by({one, two, three}), before);
    std::vector<NodeId> quick{one, two, three};
    std::erase(quick, slow.id());
    EXPECT_EQ(log.matched_by(quick), leader().rows().applied);
    EXPECT_EQ(log.matched_by({one, NodeId{77}}), 0U);
    EXPECT_EQ(slow.log().matched_by({one}), 0U);
}

TEST_F(RaftCluster, TooMuchUnderWayIsRefusedAtOnce) {
    found(3);
    propose(1);
    RaftLog& log = leader().log();
    Proposal large{5'000'001, 1, "proposal 5000001", {std::string(15 << 10, 'x')}};
    EXPECT_TRUE(log.propose(std::move(large)));
    Proposal more{5'000'002, 1, "proposal 5000002", {std::string(2 << 10, 'x')}};
    EXPECT_FALSE(log.propose(std::move(more)));
    EXPECT_TRUE(log.take_ended().empty());
}

TEST_F(RaftCluster, FramesFromElsewhereAreRefusedAndCounted) {
    found(3);
    propose(1);
    SimulatedReplica& victim = follower();
    for (int wait = 0; wait < 100 && victim.log().busy(); ++wait) cluster->run(1);
    Message message;
    message.type = MessageType::heartbeat;
    message.from = leader().id();
    message.to = victim.id();
    message.term = 1'000;
    const std::string good = encode_frame(simulated_set, message, {}, nullptr);
    const std::uint64_t term = victim.log().leadership().term;
    victim.log().receive(NodeId{77}, good);  // not from whom it says
    victim.log().receive(message.from, encode_frame(SetId{2}, message, {}, nullptr));
    message.to = NodeId{77};
    victim.log().receive(message.from, encode_frame(simulated_set, message, {}, nullptr));
    victim.log().receive(message.from, "garbage");
    EXPECT_EQ(victim.log().counters().frames_refused, 4U);
    EXPECT_FALSE(victim.log().busy());
    EXPECT_EQ(victim.log().leadership().term, term);
}

// R8 and the order of a turn: whatever the disk did last, the node comes back and agrees.
TEST_F(RaftCluster, EveryOperationOfTheDiskMayBeTheLast) {
    for (std::uint64_t operations = 0; operations < 24; ++operations) {
        cluster = std::make_unique<SimulatedCluster>(library(), 1 + operations % 3);
        cluster->found(3);
        propose(4);
        SimulatedReplica& node = operations % 2 == 0 ? leader() : follower();
        node.disk().stop_after(operations);
        for (int at = 0; at < 12; ++at) {
            for (const auto& [id, each] : cluster->nodes()) {
                if (each->up() && each->leading()) each->propose(2'000);
                if (each->up()) each->run();
            }
            cluster->run(50);
        }
        if (node.up()) cluster->crash(node);
        cluster->run(300);
        node.restart();
        ASSERT_TRUE(node.up());
        cluster->run(2'000);
        expect_all_agree();
    }
}

}  // namespace
}  // namespace penstock::replication::testing
