// The engine by itself and in threes, every message delivered by hand: the rules R1-R12 as far as
// this room enforces them (README.md), each test named after its rule.
#include "tests/replication/etcd_raft/engine_under_test.h"
#include "tests/replication/etcd_raft/hand_played.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace penstock::replication::testing {
namespace {

using Kind = MembershipChange::Kind;

std::string refusal(const auto& result) {
    return result ? "" : result.error().detail;
}

bool any_of_type(std::span<const Message> messages, MessageType type) {
    return std::any_of(messages.begin(), messages.end(), [&](const Message& message) {
        return message.type == type;
    });
}

std::vector<Message> sent(const HandPlayed& set) {
    std::vector<Message> messages;
    for (const Packet& packet : set.delivered) messages.push_back(packet.message);
    return messages;
}

RaftEntry literal(const char* text) {
    return {0, 0, EntryKind::normal, static_cast<std::uint32_t>(std::strlen(text)), text};
}

TEST(EngineRules, ThreeNodesElectAndCommit) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    set.propose(1, "one");
    set.tick(1);
    for (std::uint64_t id = 1; id <= 3; ++id) {
        EXPECT_EQ(set.log_of(id), "-@2 one@2") << id;
        EXPECT_EQ(set.node(id).rows().applied.index, 3U) << id;
        EXPECT_EQ(set.engine(id).leader(), NodeId{1}) << id;
    }
}

// Ticks alone, as on real servers: the time-outs are the core's own, from a seed here.
TEST(EngineRules, ElectionsComeOfTicksAndRepeatFromASeed) {
    std::vector<std::uint64_t> leaders;
    for (const std::int64_t seed : {7, 7, 8, 9, 10, 11}) {
        library().seed(seed);
        HandPlayed set(3);
        std::uint64_t leader = 0;
        for (int ticks = 0; ticks < 50 && leader == 0; ++ticks) {
            for (std::uint64_t id = 1; id <= 3; ++id) set.tick(id);
            leader = set.engine(1).leader().value;
        }
        EXPECT_NE(leader, 0U) << "seed " << seed;
        leaders.push_back(leader);
    }
    EXPECT_EQ(leaders[0], leaders[1]);
    EXPECT_NE(std::set(leaders.begin(), leaders.end()).size(), 1U);
}

TEST(EngineRules, TheHeapOfTheCoreIsReported) {
    const EngineMemory memory = library().memory();
    EXPECT_GT(memory.heap_bytes, 0U);
    EXPECT_LT(memory.heap_bytes, 256U << 20);
}

TEST(EngineRules, R1AppendsThatSayNothingOfTheWriteLeaveBeforeIt) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    const RaftEntry entry = literal("one");
    EngineInput input;
    input.advance = true;
    input.proposals = {&entry, 1};
    const EngineOutput& output = set.engine(1).cycle(input);
    ASSERT_EQ(output.entries.size(), 1U);
    EXPECT_TRUE(output.must_sync);
    EXPECT_EQ(output.early_messages.size(), 2U);
    EXPECT_TRUE(output.late_messages.empty());
    EXPECT_TRUE(output.committed.empty());
}

TEST(EngineRules, R1ASoleVotersAppendsWaitForItsWrite) {
    HandPlayed set(1, 1);
    ASSERT_TRUE(set.elect(1));
    ASSERT_TRUE(set.change(1, Kind::add_learner, 2));
    set.tick(1, 3);
    ASSERT_EQ(set.node(2).rows().applied, set.node(1).rows().applied);
    const RaftEntry entry = literal("one");
    EngineInput input;
    input.advance = true;
    input.proposals = {&entry, 1};
    const EngineOutput& output = set.engine(1).cycle(input);
    ASSERT_EQ(output.committed.size(), 1U) << "the core commits in the turn of the write";
    EXPECT_TRUE(output.early_messages.empty());
    EXPECT_TRUE(any_of_type(output.late_messages, MessageType::append));
}

TEST(EngineRules, R1ConfirmationsAndVotesWaitForTheWrite) {
    HandPlayed set(3);
    set.node(1).input.campaign = true;
    set.node(1).settle();
    const Message pre_vote = set.mail.at(0).view();
    EngineInput input;
    input.messages = {&pre_vote, 1};
    const EngineOutput& output = set.engine(2).cycle(input);
    EXPECT_TRUE(output.early_messages.empty());
    EXPECT_TRUE(any_of_type(output.late_messages, MessageType::pre_vote_answer));
}

// 1 proposes the removal of 2 and falls silent; 2 is elected before it applies that.
TEST(EngineRules, R2ALeaderThatAppliesItsOwnRemovalIsGone) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    set.withheld = [](const Packet& packet) {
        return packet.message.type == MessageType::append_answer;
    };
    ASSERT_TRUE(set.change(1, Kind::remove, 2));
    set.withheld = nullptr;
    set.isolate(1);
    set.node(2).input.quiesced_ticks = set.node(3).input.quiesced_ticks = 20;
    set.node(3).settle();
    set.node(2).input.campaign = true;
    set.node(2).settle();
    set.deliver();
    EXPECT_TRUE(set.node(2).removed());
    EXPECT_FALSE(set.node(2).up());
    EXPECT_EQ(set.node(3).rows().members.voters, (std::vector{NodeId{1}, NodeId{3}}));
}

TEST(EngineRules, R2AGoneEngineTakesNothing) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    EngineInput input;
    input.advance = true;
    Message heartbeat;
    heartbeat.type = MessageType::heartbeat;
    heartbeat.to = NodeId{2};
    heartbeat.from = NodeId{1};
    heartbeat.term = 2;
    heartbeat.commit = 99;
    input.messages = {&heartbeat, 1};
    Engine& engine = set.engine(2);
    EXPECT_FALSE(engine.cycle(input).has_work);
    EXPECT_EQ(engine.gone(), Engine::Gone::lost_log);
    input.messages = {};
    input.campaign = true;
    input.ticks = 100;
    EXPECT_FALSE(engine.cycle(input).has_work);
    EXPECT_FALSE(engine.make_change({Kind::add_learner, NodeId{9}}));
    EXPECT_FALSE(engine.transfer(NodeId{1}));
    EXPECT_TRUE(engine.peers().empty());
}

// What 3 sent before it was removed would be taken for the word of the replica that comes after it.
TEST(EngineRules, ANodeThatLeftComesBackInALaterTermOnly) {
    HandPlayed set(4);
    ASSERT_TRUE(set.elect(1));
    ASSERT_TRUE(set.change(1, Kind::remove, 3));
    EXPECT_TRUE(set.engine(1).left_in_this_term(NodeId{3}));
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::add_learner, NodeId{3}})),
              "that node left in this term: it comes back in a later one");
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::add_learner, NodeId{9}})), "");
    ASSERT_TRUE(set.elect(2));
    EXPECT_FALSE(set.engine(2).left_in_this_term(NodeId{3}));
    EXPECT_EQ(refusal(set.engine(2).make_change({Kind::add_learner, NodeId{3}})), "");
}

TEST(EngineRules, R3OneChangeAtATime) {
    HandPlayed set(3, 1);
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::add_learner, NodeId{4}})),
              "this node does not lead");
    set.withheld = [](const Packet& packet) {
        return packet.message.type == MessageType::append_answer;
    };
    ASSERT_TRUE(set.elect(1));
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::add_learner, NodeId{4}})),
              "the new leader has not applied its first entry");
    set.withheld = nullptr;
    set.tick(1, 2);
    set.isolate(1);
    ASSERT_TRUE(set.change(1, Kind::add_learner, 4));
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::remove, NodeId{3}})),
              "a change of the members is under way");
    set.isolate(1, false);
    set.tick(1, 3);
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::remove, NodeId{3}})), "");
}

TEST(EngineRules, R3AChangeThatWasCutOffIsNoLongerUnderWay) {
    HandPlayed set(3, 1);
    ASSERT_TRUE(set.elect(1));
    set.isolate(1);
    ASSERT_TRUE(set.change(1, Kind::add_learner, 4));
    ASSERT_TRUE(set.elect(2));
    set.propose(2, "two");
    set.isolate(1, false);
    set.tick(2, 3);
    ASSERT_EQ(set.log_of(1), "-@2 -@3 two@3");
    ASSERT_TRUE(set.elect(1));
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::add_learner, NodeId{4}})), "");
}

TEST(EngineRules, R4TheEngineRefusesTheLastButOneVoter) {
    HandPlayed set(2);
    ASSERT_TRUE(set.elect(1));
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::remove, NodeId{2}})),
              "node 2: fewer than two voters would be left");
}

// As R2's case, but 2 is still a candidate when it learns that the entry is committed.
TEST(EngineRules, R5ACandidateThatAppliesItsOwnRemovalIsGone) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    set.withheld = [](const Packet& packet) {
        return packet.message.to == NodeId{2} && packet.message.commit >= 3;
    };
    ASSERT_TRUE(set.change(1, Kind::remove, 2));
    set.withheld = nullptr;
    ASSERT_EQ(set.log_of(2).substr(0, 4), "-@2 ");
    ASSERT_FALSE(set.node(2).removed());
    set.isolate(2);
    set.node(2).input.campaign = true;
    set.node(2).settle();
    EXPECT_NE(set.engine(2).role(), Role::follower);
    set.isolate(2, false);
    Message append;  // the leader's next word, as it would have come before it forgot 2
    append.type = MessageType::append;
    append.to = NodeId{2};
    append.from = NodeId{1};
    append.term = set.engine(1).term();
    append.log_term = 2;
    append.index = append.commit = 3;
    set.node(2).receive({append, {}, {}, {}, {}, 0});
    set.node(2).settle();
    EXPECT_TRUE(set.node(2).removed());
}

TEST(EngineRules, R6TheEngineDoesNotRemoveItsOwnLeader) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::remove, NodeId{1}})),
              "node 1: leads; transfer leadership before removing it");
}

TEST(EngineRules, R7NoSnapshotLeavesForANodeItDoesNotName) {
    HandPlayed set(3, 1, {.snapshots_late = true});
    ASSERT_TRUE(set.elect(1));
    set.propose(1, "one");
    set.tick(1, 2);
    set.node(1).make_snapshot(0);
    ASSERT_TRUE(set.change(1, Kind::add_learner, 4));
    set.tick(1, 5);
    EXPECT_TRUE(set.engine(1).snapshot_due());
    EXPECT_EQ(set.node(4).rows().applied.index, 0U);
    EXPECT_FALSE(any_of_type(sent(set), MessageType::snapshot));
    set.node(1).make_snapshot(0);
    EXPECT_FALSE(set.engine(1).snapshot_due());
    set.tick(1, 5);
    EXPECT_TRUE(any_of_type(sent(set), MessageType::snapshot));
    EXPECT_EQ(set.node(4).rows().applied, set.node(1).rows().applied);
    EXPECT_EQ(set.node(4).rows().hash, set.node(1).rows().hash);
}

TEST(EngineRules, R9ReadsAreConfirmedOnceAndByTheLeaderOnly) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    const ReadToken first = set.engine(1).read();
    const ReadToken second = set.engine(1).read();
    EXPECT_NE(first, second);
    set.node(1).settle();
    set.deliver();
    set.tick(1, 3);
    ASSERT_EQ(set.reads[1].size(), 2U);
    EXPECT_EQ(set.reads[1][0].token, first);
    EXPECT_EQ(set.reads[1][1].token, second);
    EXPECT_EQ(set.reads[1][0].index, 2U);

    static_cast<void>(set.engine(2).read());
    EngineInput input;
    input.advance = true;
    const EngineOutput& output = set.engine(2).cycle(input);
    EXPECT_EQ(output.reads_dropped, 1U);
    EXPECT_TRUE(output.late_messages.empty()) << "a follower passes no question on";
}

TEST(EngineRules, R9ALeaderThatIsCutOffConfirmsNothing) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    set.isolate(1);
    static_cast<void>(set.engine(1).read());
    set.node(1).settle();
    ASSERT_TRUE(set.elect(2));
    set.propose(2, "two");
    set.isolate(1, false);
    set.tick(1, 5);
    set.tick(2, 5);
    EXPECT_TRUE(set.reads[1].empty());
}

TEST(EngineRules, R10LeadershipGoesToAVoterThatHasEverything) {
    HandPlayed set(3, 1);
    EXPECT_EQ(refusal(set.engine(2).transfer(NodeId{1})), "this node does not lead");
    ASSERT_TRUE(set.elect(1));
    ASSERT_TRUE(set.change(1, Kind::add_learner, 4));
    set.tick(1, 5);
    EXPECT_EQ(refusal(set.engine(1).transfer(NodeId{1})), "this node leads already");
    EXPECT_EQ(refusal(set.engine(1).transfer(NodeId{4})), "leadership goes to voters only");
    EXPECT_EQ(refusal(set.engine(1).transfer(NodeId{9})), "leadership goes to voters only");
    set.cut(1, 3);
    set.propose(1, "one");
    EXPECT_EQ(refusal(set.engine(1).transfer(NodeId{3})), "that node is silent or behind");
    set.tick(1, 3);
    ASSERT_TRUE(set.engine(1).transfer(NodeId{2}));
    EXPECT_EQ(refusal(set.engine(1).make_change({Kind::remove, NodeId{3}})),
              "a transfer of leadership is under way");
    set.node(1).settle();
    set.deliver();
    EXPECT_TRUE(set.engine(2).leads());
    EXPECT_FALSE(set.engine(1).leads());
}

TEST(EngineRules, R10NoLeadershipMovesWhileAChangeIsUnderWay) {
    HandPlayed set(3, 1);
    ASSERT_TRUE(set.elect(1));
    set.withheld = [](const Packet& packet) {
        return packet.message.type == MessageType::append_answer;
    };
    ASSERT_TRUE(set.change(1, Kind::add_learner, 4));
    EXPECT_EQ(refusal(set.engine(1).transfer(NodeId{2})), "a change of the members is under way");
    ASSERT_EQ(set.engine(2).last(), 3U);
    Message offer;
    offer.type = MessageType::timeout_now;
    offer.to = NodeId{2};
    offer.from = NodeId{1};
    offer.term = set.engine(1).term();
    set.node(2).receive({offer, {}, {}, {}, {}, 0});
    set.node(2).settle();
    EXPECT_EQ(set.node(2).refused(), 1U);
    EXPECT_EQ(set.engine(2).role(), Role::follower);
}

// The core of this version panics here: found by random messages.
TEST(EngineRules, R10NobodyStandsWhileASnapshotWaits) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    const SnapshotPoint snapshot{{2, 50}, set.engine(2).members()};
    std::vector<Message> messages(2);
    for (Message& message : messages) {
        message.to = NodeId{2};
        message.from = NodeId{1};
        message.term = set.engine(1).term();
    }
    messages[0].type = MessageType::snapshot;
    messages[0].snapshot = &snapshot;
    messages[1].type = MessageType::timeout_now;
    EngineInput input;
    input.advance = true;
    input.messages = messages;
    const EngineOutput& output = set.engine(2).cycle(input);
    EXPECT_EQ(output.messages_refused, 1U);
    ASSERT_NE(output.snapshot, nullptr);
    EXPECT_EQ(*output.snapshot, snapshot);
    input = {};
    input.ticks = 100;
    input.campaign = true;
    EXPECT_FALSE(set.engine(2).cycle(input).has_work);
    input.advance = true;
    set.engine(2).cycle(input);
    EXPECT_NE(set.engine(2).role(), Role::follower) << "once it is applied, it may";
}

// Node 3 misses what follows index 3. With the log from 4 on it is served from the log, with the
// log from 5 on by a snapshot.
TEST(EngineRules, R11TheLogEndsExactlyWhereItIsSaidToEnd) {
    for (const bool is_cut_behind : {false, true}) {
        HandPlayed set(3);
        ASSERT_TRUE(set.elect(1));
        set.propose(1, "one");
        set.tick(1, 2);
        ASSERT_EQ(set.engine(3).last(), 3U);
        set.isolate(3);
        for (const char* text : {"two", "three", "four"}) set.propose(1, text);
        set.tick(1, 2);
        ASSERT_EQ(set.engine(1).applied(), 6U);
        set.node(1).make_snapshot(is_cut_behind ? 1 : 2);
        set.node(1).trim(6);
        ASSERT_EQ(set.node(1).disk().before_first.index, is_cut_behind ? 4U : 3U);
        set.delivered.clear();
        set.isolate(3, false);
        set.tick(1, 5);
        EXPECT_EQ(any_of_type(sent(set), MessageType::snapshot), is_cut_behind);
        EXPECT_EQ(set.node(3).rows().applied, set.node(1).rows().applied);
        EXPECT_EQ(set.node(3).rows().hash, set.node(1).rows().hash);
    }
}

TEST(EngineRules, R12AnAnswerForEntriesNeverSentIsRefused) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    Message answer;
    answer.type = MessageType::append_answer;
    answer.to = NodeId{1};
    answer.from = NodeId{2};
    answer.term = set.engine(1).term();
    answer.index = 1'000;
    set.node(1).receive({answer, {}, {}, {}, {}, 0});
    set.node(1).settle();
    EXPECT_EQ(set.node(1).refused(), 1U);
    EXPECT_EQ(set.engine(1).progress(NodeId{2})->match, 2U);
}

TEST(EngineRules, ANodeWithAnOldIdentityAndAnEmptyDiskCannotVote) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    set.propose(1, "one");
    set.tick(1, 2);
    set.node(3).crash();
    set.node(3).disk() = {};
    set.node(3).start();
    Message question;
    question.from = NodeId{2};
    question.to = NodeId{3};
    question.term = set.engine(1).term() + 1;
    question.index = 1'000;
    question.log_term = question.term;
    for (const MessageType type : {MessageType::pre_vote, MessageType::vote}) {
        question.type = type;
        EngineInput input;
        input.advance = true;
        input.messages = {&question, 1};
        const EngineOutput& output = set.engine(3).cycle(input);
        EXPECT_EQ(output.messages_refused, 1U);
        EXPECT_TRUE(output.late_messages.empty());
    }
    EXPECT_EQ(set.engine(3).term(), 0U);
}

TEST(EngineRules, PeersAreAsTheLeaderSeesThem) {
    HandPlayed set(3, 1);
    ASSERT_TRUE(set.elect(1));
    EXPECT_TRUE(set.engine(2).peers().empty());
    ASSERT_TRUE(set.change(1, Kind::add_learner, 4));
    set.tick(1, 5);
    const auto peers = set.engine(1).peers();
    ASSERT_EQ(peers.size(), 3U);
    EXPECT_EQ(peers[0].node, NodeId{2});
    EXPECT_EQ(peers[0].match, 3U);
    EXPECT_EQ(peers[0].state, PeerState::replicate);
    EXPECT_TRUE(peers[0].recently_active);
    EXPECT_FALSE(peers[0].learner);
    EXPECT_TRUE(peers[2].learner);
    EXPECT_EQ(set.engine(1).progress(NodeId{9}), std::nullopt);
}

TEST(EngineRules, ProposalsAreDroppedWhereNobodyLeadsAndBeyondTheLimit) {
    HandPlayed set(3);
    set.propose(2, "nobody leads");
    EXPECT_TRUE(set.node(2).proposals_dropped());
    ASSERT_TRUE(set.elect(1));
    set.isolate(1);
    const std::string big(40U << 20, 'x');
    const RaftEntry entry{0, 0, EntryKind::normal, 40U << 20, big.data()};
    EngineInput input;
    input.advance = true;
    input.proposals = {&entry, 1};
    EXPECT_FALSE(set.engine(1).cycle(input).proposals_dropped);
    EXPECT_TRUE(set.engine(1).cycle(input).proposals_dropped);
}

}  // namespace
}  // namespace penstock::replication::testing
