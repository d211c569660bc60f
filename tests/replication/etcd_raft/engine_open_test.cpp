// R8 and its kin: stored state that cannot be right is an Error, not a panic of the core.
#include "broker/replication/etcd_raft/engine.h"
#include "tests/replication/etcd_raft/engine_under_test.h"

#include <gtest/gtest.h>

#include <csignal>

namespace penstock::replication::testing {
namespace {

class EngineOpen : public ::testing::Test {
  protected:
    // A follower with snapshot and rows at 5, the window from 6 on, entries up to 8, commit 7.
    EngineOpen() {
        config_.node = NodeId{1};
        config_.boot = 1;
        config_.hard_state = {.term = 3, .vote = 0, .commit = 7};
        config_.applied = 5;
        config_.members.voters = {NodeId{1}, NodeId{2}};
        config_.snapshot = {{2, 5}, config_.members};
        config_.before_first = {1, 3};
        config_.before_tail = {2, 5};
        tail_ = {{2, 6, EntryKind::normal, 1, "a"},
                 {3, 7, EntryKind::normal, 0, nullptr},
                 {3, 8, EntryKind::normal, 1, "b"}};
        config_.options.log_level = LogLevel::error;
    }

    std::string complaint() {
        config_.tail = tail_;
        const auto opened = Engine::open(library(), config_);
        return opened ? "" : opened.error().detail;
    }

    std::string stored(const std::string& what) { return "the stored state of a set: " + what; }

    EngineConfig config_;
    std::vector<RaftEntry> tail_;
};

TEST_F(EngineOpen, WhatIsRightOpensAndIsGoneOnWith) {
    config_.tail = tail_;
    auto opened = Engine::open(library(), config_);
    ASSERT_TRUE(opened) << opened.error().detail;
    Engine& engine = **opened;
    EXPECT_EQ(engine.last(), 8U);
    EXPECT_EQ(engine.applied(), 5U);
    EXPECT_EQ(engine.term(), 3U);
    const EngineOutput& output = engine.cycle({});
    ASSERT_EQ(output.committed.size(), 2U);
    EXPECT_EQ(output.committed[0].index, 6U);
    EXPECT_EQ(output.committed[0].text(), "a");
    EXPECT_EQ(output.committed[1].bytes, 0U);
}

TEST_F(EngineOpen, R8ACommitAboveTheLastEntryIsDamage) {
    config_.hard_state.commit = 9;
    EXPECT_EQ(complaint(), stored("the stored commit is above the last entry"));
}

TEST_F(EngineOpen, R8AppliedAboveTheStoredCommitIsNone) {
    config_.hard_state.commit = 4;
    EXPECT_EQ(complaint(), "");
    config_.applied = 9;
    EXPECT_EQ(complaint(), stored("the rows are ahead of the log"));
}

TEST_F(EngineOpen, R8HolesAndFallingTermsAreDamage) {
    tail_[1].index = 8;
    EXPECT_EQ(complaint(), stored("the log has a hole"));
    tail_[1].index = 7;
    tail_[2].term = 2;
    EXPECT_EQ(complaint(), stored("the terms of the log fall"));
}

TEST_F(EngineOpen, R8AWriteTornBeforeItsHardStateOpensWithoutAVote) {
    config_.hard_state.vote = 2;
    tail_[2].term = 4;
    config_.tail = tail_;
    auto opened = Engine::open(library(), config_);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ((*opened)->term(), 4U);
    EngineInput input;
    input.campaign = true;
    const EngineOutput& output = (*opened)->cycle(input);
    ASSERT_EQ(output.late_messages.size(), 1U);
    EXPECT_EQ(output.late_messages[0].term, 5U);
}

TEST_F(EngineOpen, LogAndSnapshotLeaveNoGap) {
    config_.before_first = {2, 6};
    EXPECT_EQ(complaint(), stored("the window begins before the log"));
    config_.before_first = {2, 5};
    config_.snapshot.point = {2, 4};
    EXPECT_EQ(complaint(), stored("the log begins after the snapshot"));
    config_.snapshot.point = {2, 6};
    EXPECT_EQ(complaint(), stored("the snapshot is ahead of the rows"));
}

TEST_F(EngineOpen, ALogBeginsWithASnapshotOrNotAtAll) {
    config_.before_first = {0, 0};
    EXPECT_EQ(complaint(), stored("a log from index 1 on that no snapshot begins"));
    config_.members = {};
    EXPECT_EQ(complaint(), stored("a log without voters"));
}

TEST_F(EngineOpen, NodeBootAndOptionsAreAsked) {
    config_.boot = 0;
    EXPECT_EQ(complaint(), "an engine needs a node id and a boot number");
    config_.boot = 1;
    config_.options.election_ticks = 1;
    EXPECT_EQ(complaint(), "election_ticks must be above heartbeat_ticks, and that above 0");
}

// Entries between the start of the log and the window come back as "on disk", right in length.
TEST_F(EngineOpen, OlderEntriesAreAskedForAndComeBackWithoutPayload) {
    config_.applied = 3;
    config_.snapshot = {{1, 3}, config_.members};
    config_.before_tail = {2, 5};
    std::vector<LogIndex> asked;
    config_.older_heads = [&asked](LogIndex first, std::span<EntryHead> heads) {
        asked.push_back(first);
        for (std::size_t at = 0; at < heads.size(); ++at)
            heads[at] = {2, EntryKind::normal, static_cast<std::uint32_t>(10 + at)};
        return heads.size();
    };
    config_.tail = tail_;
    auto opened = Engine::open(library(), config_);
    ASSERT_TRUE(opened) << opened.error().detail;
    const EngineOutput& output = (*opened)->cycle({});
    ASSERT_EQ(output.committed.size(), 4U);
    EXPECT_EQ(asked.front(), 4U);
    EXPECT_TRUE(output.committed[0].on_disk());
    EXPECT_EQ(output.committed[0].index, 4U);
    EXPECT_EQ(output.committed[0].bytes, 10U);
    EXPECT_EQ(output.committed[1].bytes, 11U);
    EXPECT_FALSE(output.committed[2].on_disk());
}

// Each head may be a read of the disk: what a cycle cannot hand out anyway is not asked for.
TEST_F(EngineOpen, FewOlderEntriesAreAskedForWhereFewAreHandedOut) {
    config_.applied = 3;
    config_.snapshot = {{1, 3}, config_.members};
    config_.before_tail = {2, 1'003};
    config_.hard_state.commit = 1'003;
    config_.options.committed_bytes_max = 4'096;
    std::size_t asked = 0;
    config_.older_heads = [&asked](LogIndex, std::span<EntryHead> heads) {
        asked += heads.size();
        for (EntryHead& head : heads) head = {2, EntryKind::normal, 1'000};
        return heads.size();
    };
    tail_ = {{3, 1'004, EntryKind::normal, 0, nullptr}};
    config_.tail = tail_;
    auto opened = Engine::open(library(), config_);
    ASSERT_TRUE(opened) << opened.error().detail;
    asked = 0;
    const EngineOutput& output = (*opened)->cycle({});
    EXPECT_GE(output.committed.size(), 1U);
    EXPECT_LE(output.committed.size(), 4U);
    EXPECT_LE(asked, 32U);
}

// Fail-stop: nothing is recovered inside the core.
TEST_F(EngineOpen, ACommittedEntryThatCannotBeReadStopsTheProcess) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    config_.applied = 3;
    config_.snapshot = {{1, 3}, config_.members};
    config_.before_tail = {2, 5};
    config_.older_heads = [](LogIndex, std::span<EntryHead>) {
        return std::size_t{0};
    };
    config_.tail = tail_;
    auto opened = Engine::open(library(), config_);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EXIT((*opened)->cycle({}), ::testing::KilledBySignal(SIGABRT), "unapplied entries");
}

}  // namespace
}  // namespace penstock::replication::testing
