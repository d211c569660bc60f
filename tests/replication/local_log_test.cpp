// What is LocalLog's own: the hard state of a sole voter, bodies that are gone, holes.
#include "broker/replication/local_log.h"

#include "tests/replication/fake_log_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::replication {
namespace {

constexpr SetId set{1};

Proposal entry(std::vector<std::string> bodies = {}) {
    return {1, 1000, "commands", std::move(bodies)};
}

TEST(LocalLog, TheHardStateIsWrittenOnceWithTermOne) {
    testing::FakeLogStore store;
    { const LocalLog first(set, store, 0); }
    { const LocalLog second(set, store, 0); }
    ASSERT_EQ(store.hard_states_written.size(), 1U);
    EXPECT_EQ(store.hard_states_written[0].first, set);
    EXPECT_EQ(store.hard_states_written[0].second, (storage::HardState{1, 0, 0}));
}

TEST(LocalLog, EntriesCarryTheStoredTerm) {
    testing::FakeLogStore store;
    store.append_hard_state(set, {7, 3, 0});
    LocalLog log(set, store, 0);
    ASSERT_TRUE(log.propose(entry()));
    EXPECT_EQ(log.take_committed().at(0).term, 7U);
    EXPECT_EQ(store.logs[set].entries.at(0).term, 7U);
}

TEST(LocalLog, SetsOfOneStoreAreNumberedApart) {
    testing::FakeLogStore store;
    LocalLog names(model::names_set, store, 0);
    LocalLog data(set, store, 0);
    ASSERT_TRUE(names.propose(entry()));
    ASSERT_TRUE(names.propose(entry()));
    ASSERT_TRUE(data.propose(entry()));
    EXPECT_EQ(names.take_committed().back().index, 2U);
    EXPECT_EQ(data.take_committed().back().index, 1U);
}

TEST(LocalLog, ABodyThatWasRewrittenAwayIsReplayedAsAnEmptyView) {
    testing::FakeLogStore store;
    LocalLog log(set, store, 0);
    ASSERT_TRUE(log.propose(entry({"kept", "gone"})));
    log.take_committed();
    store.gone.insert(model::MessageId{set, 1, 1});
    std::vector<std::string> bodies;
    ASSERT_TRUE(log.replay(0, [&](const ReplayedEntry& replayed) {
        bodies.assign(replayed.bodies.begin(), replayed.bodies.end());
    }));
    EXPECT_EQ(bodies, (std::vector<std::string>{"kept", ""}));
}

// A recovered node goes on with the logs of what was a replicated set.
TEST(LocalLog, TheLogOfAReplicatedSetIsReplayedWithoutItsMembers) {
    testing::FakeLogStore store;
    store.replace_log(set, {1, 1});
    store.append_hard_state(set, {3, 2, 1});
    for (const auto kind : {storage::EntryKind::command, storage::EntryKind::membership}) {
        storage::EntryRecord record;
        record.set = set;
        record.term = 3;
        record.index = store.range(set).last + 1;
        record.commands = "bytes";
        record.kind = kind;
        store.append(std::move(record));
    }
    const LocalLog log(set, store, 0);
    std::vector<std::string> commands;
    // Rows that were never flushed are at 0 or at 1: nobody ever wrote entry 1.
    for (const LogIndex applied : {0, 1}) {
        ASSERT_TRUE(log.replay(applied, [&](const ReplayedEntry& replayed) {
            commands.emplace_back(replayed.commands);
        }));
    }
    EXPECT_EQ(commands, (std::vector<std::string>{"bytes", "", "bytes", ""}));
}

TEST(LocalLog, ALogThatBeginsBehindTheRowsIsDamage) {
    testing::FakeLogStore store;
    LocalLog log(set, store, 0);
    for (int at = 0; at < 5; ++at) ASSERT_TRUE(log.propose(entry()));
    log.take_committed();
    auto& entries = store.logs[set].entries;
    entries.erase(entries.begin(), entries.begin() + 3);
    store.logs[set].first = 4;
    EXPECT_TRUE(log.replay(3, [](const ReplayedEntry&) {}));
    const auto outcome = log.replay(2, [](const ReplayedEntry&) {});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged);
    EXPECT_THAT(outcome.error().detail, ::testing::HasSubstr("begins at entry 4"));
}

TEST(LocalLog, AMissingEntryInTheMiddleIsDamageAndTheReplayStopsBeforeIt) {
    testing::FakeLogStore store;
    LocalLog log(set, store, 0);
    for (int at = 0; at < 5; ++at) ASSERT_TRUE(log.propose(entry()));
    log.take_committed();
    store.logs[set].entries.at(2).index = 99;
    LogIndex last = 0;
    const auto outcome =
        log.replay(0, [&](const ReplayedEntry& replayed) { last = replayed.index; });
    ASSERT_FALSE(outcome);
    EXPECT_EQ(last, 2U);
    EXPECT_THAT(outcome.error().detail, ::testing::HasSubstr("has no entry 3"));
}

}  // namespace
}  // namespace penstock::replication
