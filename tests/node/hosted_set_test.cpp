// A hosted set alone, over a log that commits at once.
#include "broker/node/hosted_set.h"

#include "broker/core/progress.h"
#include "broker/model/format.h"

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
        return std::exchange(committed_, {});
    }

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

}  // namespace
}  // namespace penstock::node
