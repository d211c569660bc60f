// A hosted set alone, over a log that commits at once, or when it is told to.
#include "broker/node/hosted_set.h"

#include "broker/core/progress.h"
#include "broker/model/format.h"
#include "broker/node/set_snapshot.h"
#include "tests/support/temp_folder.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::node {
namespace {

constexpr model::SetId data{1};

using Records = std::vector<replication::Proposal>;

class PromptLog final : public replication::Log {
  public:
    explicit PromptLog(Records& records) : records_(records) {}

    [[nodiscard]] model::SetId set() const override { return data; }

    bool propose(replication::Proposal proposal) override {
        committed_.push_back({proposal.token, 1, records_.size() + 1, proposal.time_ms, {}, {}});
        records_.push_back(std::move(proposal));
        return true;
    }

    void read(std::uint64_t) override {}

    void cycle() override {}

    std::vector<replication::Committed> take_committed() override {
        if (held_) return {};
        return std::exchange(committed_, {});
    }

    // Nothing commits until this is said otherwise.
    void hold(bool held) { held_ = held; }

    std::vector<replication::Ended> take_ended() override { return {}; }

    std::vector<replication::ConfirmedRead> take_reads() override { return {}; }

    [[nodiscard]] bool busy() const override { return false; }

    [[nodiscard]] replication::Leadership leadership() const override { return {true, {}, 1}; }

    [[nodiscard]] model::LogIndex committed() const override { return records_.size(); }

    [[nodiscard]] model::LogIndex droppable_to(model::LogIndex flushed) const override {
        return flushed;
    }

    Result<void> replay(model::LogIndex applied, const Visit& visit) const override {
        for (std::size_t at = applied; at < records_.size(); ++at) {
            visit({1, at + 1, records_[at].time_ms, records_[at].commands, {}});
        }
        return {};
    }

  private:
    Records& records_;
    std::vector<replication::Committed> committed_;
    bool held_ = false;
};

// Notes the levels of what it applies.
class Levels final : public core::StateMachine {
  public:
    explicit Levels(std::vector<std::uint16_t>& seen) : seen_(seen) {}

    model::Effects apply(const model::Entry& entry, const model::Rows& rows) override {
        seen_.push_back(entry.level);
        model::Effects effects;
        effects.replies.resize(entry.commands.size(), model::Done{});
        core::seal_batch(entry, rows, effects);
        return effects;
    }

    void drop_caches() override {}

  private:
    std::vector<std::uint16_t>& seen_;
};

// Who proposed an entry applies what it has in memory, everybody else what was written.
TEST(HostedSet, AnEntryHasTheSameLevelForWhoProposedItAndWhoReadsIt) {
    Records records;
    std::vector<std::uint16_t> proposed;
    std::vector<std::uint16_t> read;
    HostedSet leader(data, storage::make_memory_rows(), std::make_unique<Levels>(proposed));
    ASSERT_TRUE(leader.open(std::make_unique<PromptLog>(records)));
    const auto turn = [&leader] {
        leader.submit(Submission{model::Tick{}, {}, nullptr, {}});
        leader.propose(1'000, 0);
        TurnEffects effects;
        ASSERT_TRUE(leader.finish(effects, 0));
    };
    turn();
    leader.raise_format(model::known_formats().most);
    turn();
    turn();
    HostedSet other(data, storage::make_memory_rows(), std::make_unique<Levels>(read));
    ASSERT_TRUE(other.open(std::make_unique<PromptLog>(records)));
    const std::uint16_t least = model::known_formats().least;
    const std::uint16_t most = model::known_formats().most;
    // What was asked for together with the raise is written before that is known.
    EXPECT_EQ(proposed, (std::vector<std::uint16_t>{least, most, least, most}));
    EXPECT_EQ(read, proposed);
    EXPECT_EQ(other.format(), most);
    EXPECT_EQ(leader.format(), most);
}

// A leader with one entry under way that does not commit.
class GatheringTest : public ::testing::Test {
  protected:
    GatheringTest() : set_(data, storage::make_memory_rows(), std::make_unique<Levels>(levels_)) {
        open();
        submit();
        set_.propose(1'000, began_us);
        EXPECT_EQ(records_.size(), 1U);
    }

    void open() {
        auto log = std::make_unique<PromptLog>(records_);
        log_ = log.get();
        log_->hold(true);
        ASSERT_TRUE(set_.open(std::move(log)));
    }

    void submit(std::size_t body_bytes = 0) {
        PreparedBodies bodies;
        if (body_bytes > 0) bodies = {{std::string(body_bytes, 'b')}, {model::BodyInfo{}}};
        const auto done = [this](const model::Reply&) {
            ++answered_;
        };
        set_.submit(Submission{model::Tick{}, std::move(bodies), nullptr, done});
    }

    std::size_t propose(std::int64_t us_later) {
        return set_.propose(1'000, began_us + us_later);
    }

    void finish() {
        TurnEffects effects;
        ASSERT_TRUE(set_.finish(effects, began_us));
    }

    static constexpr std::int64_t began_us = 7'000'000;

    Records records_;
    std::vector<std::uint16_t> levels_;
    HostedSet set_;
    PromptLog* log_ = nullptr;
    int answered_ = 0;
};

TEST_F(GatheringTest, WhatComesWhileAnEntryIsUnderWayIsOneEntryWhenThatIsBack) {
    submit();
    EXPECT_EQ(propose(100), 0U);
    submit();
    EXPECT_EQ(propose(200), 0U);
    EXPECT_FALSE(set_.waiting());
    EXPECT_EQ(set_.gathers_until_us(), began_us + 100 + gather_us_max);
    log_->hold(false);
    finish();
    EXPECT_TRUE(set_.waiting());
    EXPECT_EQ(set_.gathers_until_us(), std::nullopt);
    EXPECT_EQ(propose(300), 1U);
    finish();
    EXPECT_EQ(answered_, 3);
    EXPECT_EQ(records_.size(), 2U);
}

TEST_F(GatheringTest, NothingWaitsLongerThanItsLimit) {
    submit();
    EXPECT_EQ(propose(0), 0U);
    EXPECT_EQ(propose(gather_us_max - 1), 0U);
    EXPECT_EQ(propose(gather_us_max), 1U);
    EXPECT_EQ(set_.gathers_until_us(), std::nullopt);
    submit();
    EXPECT_EQ(propose(gather_us_max), 0U) << "the next ones have a limit of their own";
    EXPECT_EQ(propose(2 * gather_us_max), 1U);
}

TEST_F(GatheringTest, WhatIsEnoughForAnEntryGoesAtOnce) {
    submit(gather_body_bytes - 1);
    EXPECT_EQ(propose(0), 0U);
    submit(1);
    EXPECT_EQ(propose(0), 1U);
    submit(1);
    EXPECT_EQ(propose(0), 0U) << "what has gone counts no more";
    for (std::size_t more = 1; more < commands_per_entry_max; ++more) submit();
    EXPECT_EQ(propose(0), 1U);
}

TEST_F(GatheringTest, AClosedSetBeginsAfresh) {
    submit(gather_body_bytes - 1);
    EXPECT_EQ(propose(0), 0U);
    set_.close();
    EXPECT_EQ(answered_, 2) << "refused";
    EXPECT_EQ(set_.gathers_until_us(), std::nullopt);
    set_.reopen(storage::make_memory_rows());
    records_.clear();
    open();
    submit();
    EXPECT_EQ(propose(0), 1U) << "nothing is under way";
    submit(1);
    EXPECT_EQ(propose(0), 0U) << "what was refused counts no more";
}

// Rows are handed to RocksDB one set after the other: who comes late waits for all before it.
TEST(HostedSet, ASnapshotWaitsForAFlushThatIsUnderWayOutsideOfTheTurn) {
    using Kind = model::RowWrite::Kind;
    testing::TempFolder folder;
    auto other = storage::open_rocks_rows(folder.file("other"), {});
    auto rows = storage::open_rocks_rows(folder.file("rows"), {});
    ASSERT_TRUE(other && rows);
    model::RowBatch many;
    for (int row = 0; row < 100'000; ++row) {
        many.push_back({Kind::put, "k" + std::to_string(row), std::string(100, 'v')});
    }
    ASSERT_TRUE((*other)->apply(std::move(many), 1));
    Records records;
    std::vector<std::uint16_t> levels;
    HostedSet set(data, std::move(*rows), std::make_unique<Levels>(levels));
    ASSERT_TRUE(set.open(std::make_unique<PromptLog>(records)));
    set.submit(Submission{model::Tick{}, {}, nullptr, {}});
    set.propose(1'000, 0);
    TurnEffects effects;
    ASSERT_TRUE(set.finish(effects, 0));
    EXPECT_EQ(*flush_before_snapshot(set), 0U) << "so little is flushed in the turn";
    ASSERT_TRUE((*other)->start_flush());
    ASSERT_TRUE(set.row_store().start_flush());
    EXPECT_EQ(*flush_before_snapshot(set), 1U);
}

}  // namespace
}  // namespace penstock::node
