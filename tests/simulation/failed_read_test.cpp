// A read of the rows that fails ends the process before anything decided on it is answered.
#include "broker/node/node.h"
#include "broker/node/offload.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_disk.h"

#include <gtest/gtest.h>

namespace penstock::simulation {
namespace {

// Rows whose reads fail from a switch on, as those on a damaged file do: absent, and unhealthy.
class FailingRows final : public storage::RowStore {
  public:
    explicit FailingRows(const bool& failing) : failing_(failing) {}

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        if (failing_) return {};
        return rows_->get(key);
    }

    void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
        if (!failing_) rows_->scan(first, end, visit);
    }

    Result<void> apply(const model::RowBatch& batch, model::LogIndex applied) override {
        if (auto healthy = health(); !healthy) return healthy;
        return rows_->apply(batch, applied);
    }

    Result<void> start_flush() override { return rows_->start_flush(); }

    Result<void> flush() override { return rows_->flush(); }

    Result<model::LogIndex> checkpoint(const std::string& folder) override {
        return rows_->checkpoint(folder);
    }

    [[nodiscard]] model::LogIndex flushed_applied() const override {
        return rows_->flushed_applied();
    }

    [[nodiscard]] std::uint64_t unflushed_bytes() const override {
        return rows_->unflushed_bytes();
    }

    [[nodiscard]] bool pressured() const override { return false; }

    [[nodiscard]] Result<void> health() const override {
        if (failing_) return error(Errc::damaged, "a block of the rows is damaged");
        return {};
    }

    [[nodiscard]] std::uint64_t bytes_on_disk() const override { return 0; }

  private:
    const bool& failing_;
    std::unique_ptr<storage::RowStore> rows_ = storage::make_memory_rows();
};

TEST(FailedRead, EndsTheProcessBeforeAnyAnswerThatRestsOnIt) {
    testing::MemoryDisk disk;
    testing::ManualClock clock;
    SeededRandom random(1);
    node::Offload offload(node::Offload::Kind::stepped);
    bool failing = false;
    const auto rows = [&failing](const std::string&) -> Result<std::unique_ptr<storage::RowStore>> {
        return std::unique_ptr<storage::RowStore>(std::make_unique<FailingRows>(failing));
    };
    node::NodeOptions options;
    options.data_folder = "data";
    options.log.segment_bytes = 1 << 20;
    options.log.reserve_segments = 0;
    node::Node node({disk, clock, random, offload, rows}, options);
    ASSERT_TRUE(node.open());
    int answers = 0;
    const auto count = [&answers](const std::any&) {
        ++answers;
    };
    api::CreateQueue create;
    create.name = "queue";
    node.call({"key", true}, create, {}, count);
    for (int turn = 0; turn < 10; ++turn) ASSERT_TRUE(node.step());
    ASSERT_EQ(answers, 1);
    api::GetQueue query;
    query.name = "queue";
    node.call({"key", true}, query, {}, count);
    failing = true;
    const auto stepped = node.step();
    ASSERT_FALSE(stepped);
    EXPECT_EQ(stepped.error().code, Errc::damaged);
    EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace penstock::simulation
