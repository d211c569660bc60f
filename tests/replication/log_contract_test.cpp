// What every Log promises. A new implementation joins with a Place and one line below.
#include "broker/replication/local_log.h"
#include "tests/replication/fake_log_store.h"
#include "tests/support/memory_disk.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace penstock::replication {
namespace {

constexpr SetId set{1};

// Opens one kind of log over what the one before left behind, and plays the node's turn.
class Place {
  public:
    virtual ~Place() = default;
    virtual std::unique_ptr<Log> open(TimeMs last_time_ms) = 0;
    virtual Result<void> sync() = 0;
    virtual void crash() = 0;  // what was not synced is gone
};

// On the real segments, over a disk whose crashes forget what was not synced.
class SegmentPlace final : public Place {
  public:
    std::unique_ptr<Log> open(TimeMs last_time_ms) override {
        storage::LogStoreOptions options;
        options.segment_bytes = 1 << 20;
        options.reserve_segments = 0;
        const auto nothing_applied = [](SetId) -> LogIndex {
            return 0;
        };
        auto opened = storage::LogStore::open(disk_, "log", options, nothing_applied);
        EXPECT_TRUE(opened) << opened.error().detail;
        store_ = std::move(*opened);
        return std::make_unique<LocalLog>(set, *store_, last_time_ms);
    }

    Result<void> sync() override { return store_->sync(); }

    void crash() override {
        store_.reset();
        disk_.crash(++crashes_);
    }

  private:
    penstock::testing::MemoryDisk disk_;
    std::unique_ptr<storage::LogStore> store_;
    std::uint64_t crashes_ = 0;
};

class LocalPlace final : public Place {
  public:
    std::unique_ptr<Log> open(TimeMs last_time_ms) override {
        return std::make_unique<LocalLog>(set, store_, last_time_ms);
    }

    Result<void> sync() override { return store_.sync(); }

    void crash() override { store_.forget_unsynced(); }

  private:
    testing::FakeLogStore store_;
};

struct Kind {
    std::string name;
    std::function<std::unique_ptr<Place>()> make;
};

struct Seen {
    LogIndex index;
    TimeMs time_ms;
    std::string commands;
    std::vector<std::string> bodies;
    friend bool operator==(const Seen&, const Seen&) = default;
};

Proposal proposal(std::uint64_t token, TimeMs time_ms, std::vector<std::string> bodies = {}) {
    return {token, time_ms, "commands " + std::to_string(token), std::move(bodies)};
}

class LogContract : public ::testing::TestWithParam<Kind> {
  protected:
    std::vector<Committed> turn(std::vector<Proposal> proposals) {
        for (Proposal& one : proposals) EXPECT_TRUE(log_->propose(std::move(one)));
        EXPECT_TRUE(place_->sync());
        return log_->take_committed();
    }

    [[nodiscard]] std::vector<Seen> replay(LogIndex applied) const {
        std::vector<Seen> seen;
        const auto outcome = log_->replay(applied, [&](const ReplayedEntry& entry) {
            seen.push_back({entry.index,
                            entry.time_ms,
                            std::string(entry.commands),
                            {entry.bodies.begin(), entry.bodies.end()}});
        });
        EXPECT_TRUE(outcome) << outcome.error().detail;
        return seen;
    }

    void crash_and_reopen(TimeMs last_time_ms = 0) {
        log_.reset();
        place_->crash();
        log_ = place_->open(last_time_ms);
    }

    std::unique_ptr<Place> place_ = GetParam().make();
    std::unique_ptr<Log> log_ = place_->open(0);
};

template <class P>
std::unique_ptr<Place> make() {
    return std::make_unique<P>();
}

INSTANTIATE_TEST_SUITE_P(Replication,
                         LogContract,
                         ::testing::Values(Kind{"local", make<LocalPlace>},
                                           Kind{"local_on_segments", make<SegmentPlace>}),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(LogContract, ANewLogIsEmpty) {
    EXPECT_EQ(log_->set(), set);
    EXPECT_EQ(log_->committed(), 0U);
    EXPECT_TRUE(log_->take_committed().empty());
    EXPECT_EQ(replay(0), std::vector<Seen>{});
}

TEST_P(LogContract, EntriesCommitInTheOrderProposedWithDenseIndexes) {
    const auto committed = turn({proposal(11, 100), proposal(12, 100), proposal(13, 101)});
    ASSERT_EQ(committed.size(), 3U);
    for (std::size_t at = 0; at < 3; ++at) {
        EXPECT_EQ(committed[at].token, 11 + at);
        EXPECT_EQ(committed[at].index, 1 + at);
        EXPECT_EQ(committed[at].term, committed[0].term);
        EXPECT_GE(committed[at].term, 1U);
    }
    EXPECT_EQ(log_->committed(), 3U);
    EXPECT_EQ(turn({proposal(14, 102)}).at(0).index, 4U);
}

TEST_P(LogContract, ACommittedEntryIsGivenOnce) {
    EXPECT_EQ(turn({proposal(1, 1)}).size(), 1U);
    EXPECT_TRUE(log_->take_committed().empty());
}

TEST_P(LogContract, NothingCountsAsCommittedBeforeItIsTaken) {
    turn({proposal(1, 1)});
    ASSERT_TRUE(log_->propose(proposal(2, 2)));
    EXPECT_EQ(log_->committed(), 1U);
    EXPECT_EQ(replay(0).size(), 1U);
}

TEST_P(LogContract, TimeNeverGoesBack) {
    const auto committed = turn({proposal(1, 500), proposal(2, 400), proposal(3, 600)});
    EXPECT_EQ(committed.at(0).time_ms, 500);
    EXPECT_EQ(committed.at(1).time_ms, 500);
    EXPECT_EQ(committed.at(2).time_ms, 600);
}

TEST_P(LogContract, TimeGoesOnFromTheLatestOfRowsAndLogAfterARestart) {
    turn({proposal(1, 500)});
    crash_and_reopen(0);
    EXPECT_EQ(turn({proposal(2, 400)}).at(0).time_ms, 500);
    crash_and_reopen(900);
    EXPECT_EQ(turn({proposal(3, 400)}).at(0).time_ms, 900);
}

TEST_P(LogContract, ReplayGivesBackWhatWasProposedBehindTheAppliedIndex) {
    turn({proposal(1, 10, {"a", "b"}), proposal(2, 20)});
    turn({proposal(3, 30, {std::string("c\0d", 3)})});
    crash_and_reopen();
    EXPECT_EQ(log_->committed(), 3U);
    EXPECT_EQ(replay(0),
              (std::vector<Seen>{{1, 10, "commands 1", {"a", "b"}},
                                 {2, 20, "commands 2", {}},
                                 {3, 30, "commands 3", {std::string("c\0d", 3)}}}));
    EXPECT_EQ(replay(2), (std::vector<Seen>{{3, 30, "commands 3", {std::string("c\0d", 3)}}}));
    EXPECT_EQ(replay(3), std::vector<Seen>{});
}

TEST_P(LogContract, WhatWasNotSyncedIsGoneAfterACrashAndItsIndexIsGivenAgain) {
    turn({proposal(1, 10)});
    ASSERT_TRUE(log_->propose(proposal(2, 20)));
    crash_and_reopen();
    ASSERT_EQ(log_->committed(), 1U);
    EXPECT_TRUE(log_->take_committed().empty());
    const auto committed = turn({proposal(3, 30)});
    EXPECT_EQ(committed.at(0).index, 2U);
    EXPECT_EQ(committed.at(0).token, 3U);
}

TEST_P(LogContract, RowsAheadOfTheLogAreDamage) {
    turn({proposal(1, 10)});
    const auto outcome = log_->replay(2, [](const ReplayedEntry&) {});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged);
}

}  // namespace
}  // namespace penstock::replication
