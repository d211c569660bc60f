// What every Log promises. A new implementation joins with a Place and an INSTANTIATE line in one
// source of its test program; see log_contract_test.cpp.
#pragma once

#include "broker/replication/log.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::replication {

inline constexpr SetId contract_set{1};

// Opens one kind of log over what the one before left behind, and plays the node's turn.
class Place {
  public:
    virtual ~Place() = default;

    // Over rows that have applied `applied`, at that time.
    virtual std::unique_ptr<Log> open(TimeMs last_time_ms, LogIndex applied) = 0;
    virtual Result<void> sync() = 0;
    virtual void crash() = 0;  // what was not synced is gone

    // Everybody else's turn; true when something may have come of it.
    virtual bool others() { return false; }
};

struct Kind {
    std::string name;
    std::function<std::unique_ptr<Place>()> make;
};

struct Seen {
    TimeMs time_ms = 0;
    std::string commands;
    std::vector<std::string> bodies;
    friend bool operator==(const Seen&, const Seen&) = default;
};

class LogContract : public ::testing::TestWithParam<Kind> {
  protected:
    static Proposal proposal(std::uint64_t token,
                             TimeMs time_ms,
                             std::vector<std::string> bodies = {}) {
        return {token, time_ms, "commands " + std::to_string(token), std::move(bodies)};
    }

    static Seen seen(const ReplayedEntry& entry) {
        return {
            entry.time_ms, std::string(entry.commands), {entry.bodies.begin(), entry.bodies.end()}};
    }

    // Turns until nothing is left to do; entries with commands are kept.
    void pump() {
        for (int turns = 0; turns < 1'000; ++turns) {
            log_->cycle();
            ASSERT_TRUE(place_->sync());
            for (const Committed& one : log_->take_committed()) take(one);
            const bool more = place_->others();
            if (!more && !log_->busy()) return;
        }
        FAIL() << "the log never rests";
    }

    void take(const Committed& one) {
        if (one.token != 0) {
            EXPECT_FALSE(one.content.has_value());
            own_.push_back({one.token, one.term, one.index, one.time_ms, {}, {}});
            return;
        }
        ASSERT_TRUE(one.content.has_value());
        if (!one.content->commands.empty()) found_.push_back(seen(*one.content));
    }

    std::vector<Committed> turn(std::vector<Proposal> proposals) {
        for (Proposal& one : proposals) EXPECT_TRUE(log_->propose(std::move(one)));
        pump();
        return std::exchange(own_, {});
    }

    void open(TimeMs last_time_ms, LogIndex applied) {
        found_.clear();
        log_ = place_->open(last_time_ms, applied);
        const auto visit = [this](const ReplayedEntry& entry) {
            found_.push_back(seen(entry));
        };
        const auto replayed = log_->replay(applied, visit);
        EXPECT_TRUE(replayed) << replayed.error().detail;
        pump();
    }

    void crash_and_reopen(TimeMs last_time_ms, LogIndex applied) {
        log_.reset();
        place_->crash();
        open(last_time_ms, applied);
    }

    void SetUp() override {
        open(0, 0);
        base_ = log_->committed();
    }

    std::unique_ptr<Place> place_ = GetParam().make();
    std::unique_ptr<Log> log_;
    LogIndex base_ = 0;           // what a new log begins with
    std::vector<Committed> own_;  // with a token
    std::vector<Seen> found_;     // of others, or from before: replayed or handed out
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LogContract);

TEST_P(LogContract, ANewLogHoldsNoCommands) {
    EXPECT_EQ(log_->set(), contract_set);
    EXPECT_EQ(found_, std::vector<Seen>{});
    EXPECT_TRUE(log_->take_committed().empty());
    EXPECT_TRUE(log_->leadership().leading);
}

TEST_P(LogContract, EntriesCommitInTheOrderProposedWithDenseIndexes) {
    const auto committed = turn({proposal(11, 100), proposal(12, 100), proposal(13, 101)});
    ASSERT_EQ(committed.size(), 3U);
    for (std::size_t at = 0; at < 3; ++at) {
        EXPECT_EQ(committed[at].token, 11 + at);
        EXPECT_EQ(committed[at].index, base_ + 1 + at);
        EXPECT_EQ(committed[at].term, committed[0].term);
        EXPECT_GE(committed[at].term, 1U);
    }
    EXPECT_EQ(log_->committed(), base_ + 3);
    EXPECT_EQ(turn({proposal(14, 102)}).at(0).index, base_ + 4);
}

TEST_P(LogContract, ACommittedEntryIsGivenOnce) {
    EXPECT_EQ(turn({proposal(1, 1)}).size(), 1U);
    pump();
    EXPECT_TRUE(own_.empty());
    EXPECT_TRUE(log_->take_ended().empty());
}

TEST_P(LogContract, NothingCountsAsCommittedBeforeItIsTaken) {
    turn({proposal(1, 1)});
    ASSERT_TRUE(log_->propose(proposal(2, 2)));
    EXPECT_EQ(log_->committed(), base_ + 1);
    log_->cycle();
    EXPECT_EQ(log_->committed(), base_ + 1);
    ASSERT_TRUE(place_->sync());
    for (const Committed& one : log_->take_committed()) take(one);
    pump();
    EXPECT_EQ(log_->committed(), base_ + 2);
}

TEST_P(LogContract, TimeNeverGoesBack) {
    const auto committed = turn({proposal(1, 500), proposal(2, 400), proposal(3, 600)});
    EXPECT_EQ(committed.at(0).time_ms, 500);
    EXPECT_EQ(committed.at(1).time_ms, 500);
    EXPECT_EQ(committed.at(2).time_ms, 600);
}

TEST_P(LogContract, TimeGoesOnFromTheLatestOfRowsAndLogAfterARestart) {
    turn({proposal(1, 500)});
    crash_and_reopen(0, base_);
    EXPECT_EQ(turn({proposal(2, 400)}).at(0).time_ms, 500);
    crash_and_reopen(900, log_->committed());
    EXPECT_EQ(turn({proposal(3, 400)}).at(0).time_ms, 900);
}

TEST_P(LogContract, WhatWasCommittedBehindTheAppliedIndexComesBackAfterARestart) {
    const Seen first{10, "commands 1", {"a", "b"}};
    const Seen second{20, "commands 2", {}};
    const Seen third{30, "commands 3", {std::string("c\0d", 3)}};
    const auto committed = turn({proposal(1, 10, {"a", "b"}), proposal(2, 20)});
    turn({proposal(3, 30, {std::string("c\0d", 3)})});
    crash_and_reopen(0, base_);
    EXPECT_EQ(found_, (std::vector<Seen>{first, second, third}));
    EXPECT_GE(log_->committed(), base_ + 3);
    crash_and_reopen(20, committed.at(1).index);
    EXPECT_EQ(found_, std::vector<Seen>{third});
    crash_and_reopen(30, log_->committed());
    EXPECT_EQ(found_, std::vector<Seen>{});
}

TEST_P(LogContract, WhatWasNotSyncedIsGoneAfterACrashAndIndexesGoOnWithoutAGap) {
    turn({proposal(1, 10)});
    ASSERT_TRUE(log_->propose(proposal(2, 20)));
    log_->cycle();
    crash_and_reopen(0, base_);
    EXPECT_EQ(found_, (std::vector<Seen>{{10, "commands 1", {}}}));
    const LogIndex last = log_->committed();
    const auto committed = turn({proposal(3, 30)});
    EXPECT_EQ(committed.at(0).index, last + 1);
    EXPECT_EQ(committed.at(0).token, 3U);
}

TEST_P(LogContract, AReadIsAnsweredWithAnIndexThatHasBeenHandedOut) {
    turn({proposal(1, 10)});
    log_->read(77);
    ASSERT_TRUE(log_->propose(proposal(2, 20)));
    pump();
    const auto reads = log_->take_reads();
    ASSERT_EQ(reads.size(), 1U);
    EXPECT_EQ(reads[0].token, 77U);
    EXPECT_GE(reads[0].index, base_ + 1);
    EXPECT_LE(reads[0].index, log_->committed());
    EXPECT_TRUE(log_->take_reads().empty());
}

TEST_P(LogContract, RowsAheadOfTheLogAreDamage) {
    turn({proposal(1, 10)});
    const auto outcome = log_->replay(log_->committed() + 1, [](const ReplayedEntry&) {});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged);
}

}  // namespace penstock::replication
