// The parts of a RaftLog by themselves: window, proposals, reads, elections, sent snapshots.
#include "broker/replication/catch_up.h"
#include "broker/replication/elections.h"
#include "broker/replication/entry_window.h"
#include "broker/replication/log_keeper.h"
#include "broker/replication/pending_reads.h"
#include "broker/replication/proposals.h"
#include "broker/replication/snapshot_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace penstock::replication {

bool operator==(const Ended& left, const Ended& right) {
    return left.token == right.token && left.appended == right.appended;
}

bool operator==(const ConfirmedRead& left, const ConfirmedRead& right) {
    return left.token == right.token && left.index == right.index;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PayloadPtr bytes(std::size_t count) {
    return std::make_shared<const Payload>(std::string(count, 'x'));
}

WindowEntry entry(std::uint64_t term, PayloadPtr payload) {
    return {term, EntryKind::normal, 0, std::move(payload)};
}

TEST(EntryWindow, AnEarlierIndexEndsTheSuffix) {
    EntryWindow window(10);
    for (LogIndex index = 11; index <= 15; ++index) window.append(index, entry(1, bytes(100)));
    window.append(13, entry(2, bytes(1)));
    EXPECT_EQ(window.last(), 13U);
    EXPECT_EQ(window.find(13)->term, 2U);
    EXPECT_EQ(window.find(12)->term, 1U);
    EXPECT_EQ(window.find(14), nullptr);
    EXPECT_EQ(window.find(10), nullptr);
}

TEST(EntryWindow, WhatIsAboveTheBoundIsSurplusUpToTheLimit) {
    EntryWindow window(0);
    for (LogIndex index = 1; index <= 10; ++index) window.append(index, entry(1, bytes(872)));
    EXPECT_EQ(window.bytes(), 10'000U);
    EXPECT_EQ(window.surplus(10'000, 10), 0U);
    EXPECT_EQ(window.surplus(7'500, 10), 3U);
    EXPECT_EQ(window.surplus(7'500, 2), 2U);
    window.drop_through(3);
    EXPECT_EQ(window.first(), 4U);
    EXPECT_EQ(window.bytes(), 7'000U);
}

TEST(EntryWindow, BytesBehindAnIndexAreThoseOfItsLaterEntries) {
    EntryWindow window(0);
    EXPECT_EQ(window.bytes_behind(0), 0U);
    for (LogIndex index = 1; index <= 10; ++index) window.append(index, entry(1, bytes(872)));
    EXPECT_EQ(window.bytes_behind(0), 10'000U);
    EXPECT_EQ(window.bytes_behind(4), 6'000U);
    EXPECT_EQ(window.bytes_behind(10), 0U);
    window.append(8, entry(2, bytes(372)));  // another suffix
    EXPECT_EQ(window.bytes_behind(4), 3'500U);
    window.drop_through(6);
    EXPECT_EQ(window.bytes_behind(4), 1'500U);
    EXPECT_EQ(window.bytes_behind(7), 500U);
    window.restart(20);
    EXPECT_EQ(window.bytes_behind(20), 0U);
}

TEST(EntryWindow, WhatLeavesItLivesForTwoMoreCycles) {
    EntryWindow window(0);
    PayloadPtr payload = bytes(10);
    const std::weak_ptr<const Payload> watched = payload;
    window.append(1, entry(1, std::move(payload)));
    window.drop_through(1);
    window.next_generation();
    EXPECT_FALSE(watched.expired());
    window.next_generation();
    EXPECT_TRUE(watched.expired());
}

Proposal proposal(std::uint64_t token, std::size_t size) {
    return {token, 0, std::string(size, 'c'), {}};
}

TEST(Proposals, WhatIsUnderWayIsBounded) {
    Proposals proposals(100);
    EXPECT_TRUE(proposals.add(proposal(1, 500)));  // one of any size fits
    EXPECT_FALSE(proposals.add(proposal(2, 1)));
    const auto taken = proposals.take_waiting();
    proposals.appended(taken.at(0), {3, 8});
    EXPECT_FALSE(proposals.add(proposal(3, 1)));
    EXPECT_EQ(proposals.committed({3, 8}), 1U);
    EXPECT_EQ(proposals.bytes(), 0U);
    EXPECT_TRUE(proposals.add(proposal(4, 1)));
}

TEST(Proposals, ATokenEndsOnce) {
    Proposals proposals(1'000);
    for (std::uint64_t token = 1; token <= 3; ++token) {
        ASSERT_TRUE(proposals.add(proposal(token, 1)));
    }
    auto taken = proposals.take_waiting();
    proposals.appended(taken.at(0), {3, 8});
    proposals.appended(taken.at(1), {3, 9});
    std::vector<Ended> ended;
    proposals.dropped(taken.at(2), ended);
    proposals.lost_all_but(3, ended);
    EXPECT_THAT(ended, ElementsAre(Ended{3, false}));
    ended.clear();
    proposals.lost_all_but(4, ended);
    EXPECT_THAT(ended, ElementsAre(Ended{1, true}, Ended{2, true}));
    EXPECT_EQ(proposals.committed({3, 8}), 0U);  // committed later, as somebody else's
    EXPECT_EQ(proposals.bytes(), 0U);
}

TEST(Proposals, AnEntryOfAnotherTermIsNotOurs) {
    Proposals proposals(1'000);
    ASSERT_TRUE(proposals.add(proposal(1, 1)));
    proposals.appended(proposals.take_waiting().at(0), {3, 8});
    EXPECT_EQ(proposals.committed({4, 8}), 0U);
    EXPECT_EQ(proposals.committed({3, 8}), 1U);
}

TEST(PendingReads, TheyWaitUntilTheirIndexIsHandedOut) {
    PendingReads reads;
    reads.add(1);
    reads.add(2);
    const ReadToken question{1, 2, 3};
    reads.asked(question);
    reads.answered({question, 20});
    reads.answered({question, 20});  // once is enough
    reads.handed_out(19);
    EXPECT_THAT(reads.take(), IsEmpty());
    reads.handed_out(25);
    EXPECT_THAT(reads.take(), ElementsAre(ConfirmedRead{1, 20}, ConfirmedRead{2, 20}));
}

TEST(PendingReads, AllEndWhenLeadershipIsLost) {
    PendingReads reads;
    const ReadToken first{1, 2, 3};
    const ReadToken second{1, 2, 4};
    reads.add(1);
    reads.asked(first);
    reads.answered({first, 20});
    reads.add(2);
    reads.asked(second);
    reads.add(3);
    std::vector<Ended> ended;
    reads.lost(ended);
    EXPECT_THAT(ended, ElementsAre(Ended{2, false}, Ended{1, false}, Ended{3, false}));
    reads.answered({second, 30});  // late
    reads.handed_out(99);
    EXPECT_THAT(reads.take(), IsEmpty());
}

TEST(Elections, TheTimeOutIsBetweenOnceAndTwiceTheElectionTicks) {
    SeededRandom random(1);
    for (int round = 0; round < 200; ++round) {
        Elections elections(random, 10);
        int ticks = 0;
        for (; !elections.due(); ++ticks) elections.tick();
        EXPECT_GE(ticks, 10);
        EXPECT_LT(ticks, 20);
    }
}

TEST(Elections, InAHurryVotersStandInTurnAndThreeTimes) {
    SeededRandom random(1);
    Elections first(random, 10);
    Elections second(random, 10);
    first.hurry(0, 2);
    second.hurry(1, 2);
    EXPECT_TRUE(first.due());
    EXPECT_FALSE(second.due());
    for (std::uint32_t tick = 0; tick < turn_ticks; ++tick) second.tick();
    EXPECT_TRUE(second.due());
    first.stood();
    EXPECT_FALSE(first.due());
    for (std::uint32_t tick = 0; tick < 2 * turn_ticks; ++tick) first.tick();
    EXPECT_TRUE(first.due());
    first.heard();
    for (int tick = 0; tick < 9; ++tick) first.tick();
    EXPECT_FALSE(first.due());
}

Message append(NodeId to, LogIndex index, const RaftEntry& entry) {
    Message message;
    message.to = to;
    message.index = index;
    message.entries = {&entry, 1};
    return message;
}

TEST(CatchUp, WhatIsReadBackIsBoundedPerTurnAndKeepsItsOrder) {
    const RaftEntry old{1, 5, EntryKind::normal, 100, nullptr};
    const PayloadPtr payload = bytes(10);
    const RaftEntry young{1, 6, EntryKind::normal, 10, payload.get()};
    CatchUp catch_up(150, 1'000, 3);
    catch_up.begin_turn();
    EXPECT_FALSE(catch_up.holds_back(append(NodeId{2}, 4, old)));
    catch_up.read(NodeId{2}, 5, 100);
    EXPECT_FALSE(catch_up.holds_back(append(NodeId{2}, 4, old)));
    catch_up.read(NodeId{2}, 5, 100);
    EXPECT_TRUE(catch_up.holds_back(append(NodeId{2}, 4, old)));
    EXPECT_TRUE(catch_up.holds_back(append(NodeId{2}, 5, young)));   // behind the other
    EXPECT_FALSE(catch_up.holds_back(append(NodeId{3}, 5, young)));  // nothing to read
    EXPECT_TRUE(catch_up.holds_back(append(NodeId{3}, 4, old)));
    EXPECT_FALSE(catch_up.next());
    catch_up.begin_turn();
    EXPECT_EQ(catch_up.next()->view().to, NodeId{2});
    EXPECT_EQ(catch_up.next()->view().to, NodeId{3});  // in turn
    const auto last = catch_up.next();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->view().index, 5U);
    EXPECT_EQ(last->view().entries[0].payload, payload.get());
    EXPECT_FALSE(catch_up.waiting());
}

// A lost frame is told of by nobody: what waits behind it would wait for ever.
TEST(CatchUp, WhatIsNotConfirmedForLongIsForgottenWithWhatWaitsBehindIt) {
    const RaftEntry old{1, 5, EntryKind::normal, 100, nullptr};
    CatchUp catch_up(1'000, 150, 3);
    catch_up.begin_turn();
    catch_up.read(NodeId{2}, 5, 100);
    catch_up.tick();
    catch_up.tick();
    catch_up.confirmed(NodeId{2}, 5, false);
    catch_up.read(NodeId{2}, 6, 200);
    EXPECT_TRUE(catch_up.holds_back(append(NodeId{2}, 6, old)));
    catch_up.tick();
    catch_up.tick();
    EXPECT_TRUE(catch_up.holds_back(append(NodeId{2}, 7, old)));
    catch_up.tick();
    EXPECT_FALSE(catch_up.unconfirmed());
    EXPECT_FALSE(catch_up.next());
    EXPECT_FALSE(catch_up.holds_back(append(NodeId{2}, 6, old)));
}

TEST(CatchUp, AFollowerThatConfirmsNothingIsSentNoMoreThanItMayHold) {
    const RaftEntry old{1, 5, EntryKind::normal, 100, nullptr};
    CatchUp catch_up(1'000, 150, 3);
    catch_up.begin_turn();
    catch_up.read(NodeId{2}, 5, 100);
    EXPECT_FALSE(catch_up.holds_back(append(NodeId{2}, 4, old)));
    catch_up.read(NodeId{2}, 6, 100);
    EXPECT_TRUE(catch_up.holds_back(append(NodeId{2}, 4, old)));
    EXPECT_FALSE(catch_up.holds_back(append(NodeId{3}, 4, old)));
    catch_up.begin_turn();
    EXPECT_FALSE(catch_up.waiting());  // only a follower's word helps: no turn is wanted for it
    EXPECT_FALSE(catch_up.next());
    catch_up.confirmed(NodeId{2}, 5, false);
    EXPECT_TRUE(catch_up.waiting());
    EXPECT_TRUE(catch_up.next());
    catch_up.read(NodeId{2}, 7, 100);
    EXPECT_TRUE(catch_up.holds_back(append(NodeId{2}, 4, old)));
    // What it was sent is lost, and nothing of it will ever be confirmed.
    catch_up.confirmed(NodeId{2}, 5, true);
    EXPECT_FALSE(catch_up.unconfirmed());
    EXPECT_TRUE(catch_up.next());
}

TEST(CatchUp, AMembershipEntryThatWaitsKeepsItsBytes) {
    CatchUp catch_up(1, 1'000, 3);
    catch_up.begin_turn();
    catch_up.read(NodeId{2}, 4, 1);
    {
        const std::string change = "change";
        const std::array<RaftEntry, 2> entries{
            RaftEntry{1, 5, EntryKind::normal, 100, nullptr},
            RaftEntry{1, 6, EntryKind::membership, 6, change.data()}};
        Message message;
        message.to = NodeId{2};
        message.entries = entries;
        ASSERT_TRUE(catch_up.holds_back(message));
    }
    catch_up.begin_turn();
    EXPECT_EQ(catch_up.next()->view().entries[1].text(), "change");
}

TEST(SnapshotExchange, ASnapshotOfWhichNoWordComesHasFailed) {
    SnapshotExchange snapshots({}, 3);
    snapshots.sending(NodeId{2});
    snapshots.sending(NodeId{3});
    EXPECT_THAT(snapshots.tick(), IsEmpty());
    snapshots.moves(NodeId{3});
    EXPECT_THAT(snapshots.tick(), IsEmpty());
    EXPECT_THAT(snapshots.tick(), ElementsAre(NodeId{2}));
    EXPECT_FALSE(snapshots.ended(NodeId{2}));  // reported already
    EXPECT_TRUE(snapshots.ended(NodeId{3}));
}

// So many entries of 936 bytes: 1,000 each with the overhead of a record.
LogKeeper keeper_of(LogIndex last, std::uint64_t keep_bytes) {
    LogKeeper keeper(0, keep_bytes);
    for (LogIndex index = 1; index <= last; ++index) keeper.add(index, 936);
    return keeper;
}

TEST(LogKeeper, WhatIsDurableInTheRowsIsKeptUpToItsBytes) {
    LogKeeper keeper = keeper_of(20, 5'000);
    EXPECT_FALSE(keeper.advance(20)) << "the rows know nothing yet";
    keeper.flushed(12);
    EXPECT_TRUE(keeper.surplus());
    EXPECT_TRUE(keeper.advance(20));
    EXPECT_EQ(keeper.before(), 7U);
    EXPECT_FALSE(keeper.surplus());
    EXPECT_FALSE(keeper.advance(20));
}

TEST(LogKeeper, TheLogNeverBeginsBehindTheLimitNorWhatTheRowsHave) {
    LogKeeper keeper = keeper_of(20, 5'000);
    keeper.flushed(15);
    EXPECT_TRUE(keeper.advance(3));
    EXPECT_EQ(keeper.before(), 3U);
    EXPECT_TRUE(keeper.surplus());
    EXPECT_TRUE(keeper.advance(20, 18)) << "what nobody can be sent is not wanted";
    EXPECT_EQ(keeper.before(), 15U);
}

TEST(LogKeeper, AnUnwantedPartOfARunIsLeftBehind) {
    LogKeeper keeper = keeper_of(100, 100'000'000);  // one run
    keeper.flushed(90);
    EXPECT_TRUE(keeper.advance(50, 40));
    EXPECT_EQ(keeper.before(), 40U);
    EXPECT_FALSE(keeper.advance(50, 40));
    EXPECT_TRUE(keeper.advance(50, 60));
    EXPECT_EQ(keeper.before(), 50U);
}

TEST(LogKeeper, ALimitInsideARunIsReachedWhileTooMuchIsKept) {
    LogKeeper keeper = keeper_of(30'000, 10'000'000);
    keeper.flushed(30'000);
    for (const LogIndex limit : {15'001U, 15'005U, 15'107U}) {
        keeper.advance(limit);
        EXPECT_EQ(keeper.before(), limit) << "or no further snapshot is wanted";
    }
    EXPECT_TRUE(keeper.surplus());
    EXPECT_TRUE(keeper.advance(30'000));
    EXPECT_FALSE(keeper.surplus());
    EXPECT_LT(keeper.before(), 20'200U);
}

TEST(LogKeeper, ASuffixThatIsReplacedIsCountedOnce) {
    LogKeeper keeper = keeper_of(20, 5'000);
    keeper.flushed(10);
    for (int again = 0; again < 3; ++again) {
        for (LogIndex index = 11; index <= 13; ++index) keeper.add(index, 936);
    }
    keeper.flushed(13);
    EXPECT_TRUE(keeper.advance(20));
    EXPECT_EQ(keeper.before(), 8U);
}

TEST(LogKeeper, ASuffixMayBeginInsideARun) {
    LogKeeper keeper = keeper_of(90, 100'000'000);
    keeper.add(50, 936);
    keeper.flushed(49);
    EXPECT_FALSE(keeper.advance(100));
    keeper.flushed(50);
    EXPECT_TRUE(keeper.advance(100, 50));
    EXPECT_EQ(keeper.before(), 50U);
    EXPECT_FALSE(keeper.advance(100, 90)) << "there is nothing behind it";
}

TEST(LogKeeper, ARestartForgetsWhatWasThere) {
    LogKeeper keeper = keeper_of(20, 5'000);
    keeper.flushed(20);
    keeper.restart(100);
    EXPECT_EQ(keeper.before(), 100U);
    EXPECT_FALSE(keeper.surplus());
    for (LogIndex index = 101; index <= 106; ++index) keeper.add(index, 936);
    keeper.flushed(106);
    EXPECT_TRUE(keeper.advance(106));
    EXPECT_EQ(keeper.before(), 101U);
}

TEST(LogKeeper, ManyEntriesAreCountedInFewRuns) {
    constexpr LogIndex last = 300'000;
    LogKeeper keeper = keeper_of(last, 100'000'000);
    for (LogIndex flushed = 100; flushed <= last; flushed += 100) keeper.flushed(flushed);
    EXPECT_TRUE(keeper.advance(last));
    EXPECT_GE(keeper.before(), 200'000U);
    EXPECT_LE(keeper.before(), 203'200U);
}

}  // namespace
}  // namespace penstock::replication
