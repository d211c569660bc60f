// CountingStore: the rows of a set in RocksDB, counting what is read and written. A flush that is
// started is left out: it would come at its own time, and what is read afterwards would depend on
// it. Owned by one node, its thread.
#pragma once

#include "broker/storage/rows/row_store.h"
#include "tests/bench/budget/spent.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace penstock::budget {

class CountingStore final : public storage::RowStore {
  public:
    // `spent` outlives the store.
    CountingStore(std::unique_ptr<storage::RowStore> below, Spent& spent)
        : below_(std::move(below)), spent_(spent) {}

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        spent_.add(Figure::rows_read, 1);
        return below_->get(key);
    }

    void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
        below_->scan(first, end, [&](std::string_view key, std::string_view value) {
            spent_.add(Figure::rows_read, 1);
            return visit(key, value);
        });
    }

    Result<void> apply(model::RowBatch batch, model::LogIndex applied) override {
        spent_.add(Figure::rows_written, batch.size());
        for (const model::RowWrite& write : batch) {
            spent_.add(Figure::row_bytes, write.key.size() + write.value.size());
        }
        return below_->apply(std::move(batch), applied);
    }

    Result<void> start_flush() override { return {}; }

    [[nodiscard]] bool flushing() const override { return below_->flushing(); }

    Result<void> tend() override { return below_->tend(); }

    Result<void> flush() override { return below_->flush(); }

    Result<model::LogIndex> checkpoint(const std::string& folder) override {
        return below_->checkpoint(folder);
    }

    [[nodiscard]] model::LogIndex flushed_applied() const override {
        return below_->flushed_applied();
    }

    [[nodiscard]] std::uint64_t unflushed_bytes() const override {
        return below_->unflushed_bytes();
    }

    [[nodiscard]] bool pressured() const override { return below_->pressured(); }

    [[nodiscard]] Result<void> health() const override { return below_->health(); }

    [[nodiscard]] std::uint64_t bytes_on_disk() const override { return below_->bytes_on_disk(); }

  private:
    std::unique_ptr<storage::RowStore> below_;
    Spent& spent_;
};

}  // namespace penstock::budget
