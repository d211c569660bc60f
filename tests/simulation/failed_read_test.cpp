// A read of the rows that fails ends the process before anything decided on it is answered or done.
#include "broker/core/data_query.h"
#include "broker/core/names_query.h"
#include "broker/node/node.h"
#include "broker/node/offload.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_disk.h"

#include <gtest/gtest.h>

#include <any>
#include <memory>
#include <optional>
#include <string>

namespace penstock::simulation {
namespace {

// How keys begin whose reads fail; nothing: none fails.
using Failing = std::optional<std::string>;

// Rows whose reads fail as those on a damaged file do: absent, and unhealthy from then on.
class FailingRows final : public storage::RowStore {
  public:
    explicit FailingRows(const Failing& failing) : failing_(failing) {}

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        if (fails(key)) return {};
        return rows_->get(key);
    }

    void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
        if (!fails(first)) rows_->scan(first, end, visit);
    }

    Result<void> apply(model::RowBatch batch, model::LogIndex applied) override {
        if (auto healthy = health(); !healthy) return healthy;
        return rows_->apply(std::move(batch), applied);
    }

    Result<void> start_flush() override { return rows_->start_flush(); }

    [[nodiscard]] bool flushing() const override { return rows_->flushing(); }

    Result<void> tend() override { return rows_->tend(); }

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
        if (failed_) return error(Errc::damaged, "a block of the rows is damaged");
        return {};
    }

    [[nodiscard]] std::uint64_t bytes_on_disk() const override { return 0; }

  private:
    bool fails(std::string_view key) const {
        const bool now = failing_ && key.starts_with(*failing_);
        failed_ = failed_ || now;
        return now;
    }

    const Failing& failing_;
    mutable bool failed_ = false;
    std::unique_ptr<storage::RowStore> rows_ = storage::make_memory_rows();
};

struct FailingNode {
    FailingNode() { EXPECT_TRUE(broker.open()); }

    static node::NodeOptions options() {
        node::NodeOptions options;
        options.data_folder = "data";
        options.log.segment_bytes = 1 << 20;
        options.log.reserve_segments = 0;
        return options;
    }

    void call(const api::Request& request) {
        broker.call({"key", true}, request, {}, [this](const std::any&) { ++answers; });
    }

    void step() {
        for (int turn = 0; turn < 10; ++turn) ASSERT_TRUE(broker.step());
    }

    Failing failing;
    int answers = 0;
    testing::MemoryDisk disk;
    testing::ManualClock clock;
    SeededRandom random{1};
    node::Offload offload{node::Offload::Kind::stepped};
    node::OpenRows rows = [this](const std::string&) {
        return Result<std::unique_ptr<storage::RowStore>>(std::make_unique<FailingRows>(failing));
    };
    node::Node broker{{disk, clock, random, offload, rows}, options()};
};

TEST(FailedRead, EndsTheProcessBeforeAnyAnswerThatRestsOnIt) {
    FailingNode failing;
    api::CreateQueue create;
    create.name = "queue";
    failing.call(create);
    failing.step();
    ASSERT_EQ(failing.answers, 1);
    api::GetQueue query;
    query.name = "queue";
    failing.call(query);
    failing.failing = "";
    const auto stepped = failing.broker.step();
    ASSERT_FALSE(stepped);
    EXPECT_EQ(stepped.error().code, Errc::damaged);
    EXPECT_EQ(failing.answers, 1);
}

// A source whose name cannot be read is not one that is gone.
TEST(FailedRead, OfTheNamesChangesNothingInTheSetOfTheirObjects) {
    FailingNode failing;
    api::CreateQueue create;
    create.name = "morgue";
    failing.call(create);
    failing.step();
    create.name = "source";
    create.change.dead_letter =
        api::DeadLetterSpec{"morgue", model::DeadLetterPolicy::Kind::receives, 3, 0};
    failing.call(create);
    failing.step();
    const auto morgue =
        core::find_name(failing.broker.names_set().rows(), model::ObjectKind::queue, "morgue");
    ASSERT_TRUE(morgue);
    const auto sources = [&] {
        return core::dead_letter_sources(failing.broker.data_set().rows(), morgue->number).size();
    };
    ASSERT_EQ(sources(), 1U);
    failing.failing = "o";  // what numbers are called
    failing.clock.advance_ms(61'000);
    const auto stepped = failing.broker.step();
    ASSERT_FALSE(stepped);
    EXPECT_EQ(stepped.error().code, Errc::damaged);
    EXPECT_EQ(sources(), 1U);
}

}  // namespace
}  // namespace penstock::simulation
