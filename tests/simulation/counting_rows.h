// CountingRows: rows that count what is read of them, to hold the core to its bound on work per
// entry. Owned by one test, one thread.
#pragma once

#include "broker/storage/rows/row_store.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace penstock::simulation {

// What applying one entry cost.
struct Work {
    std::uint64_t reads = 0;  // rows asked for one by one, and rows visited by scans
    std::uint64_t scans = 0;
    std::uint64_t writes = 0;  // of the batch
    std::uint64_t bytes = 0;   // of the batch

    void raise_to(const Work& other) {
        reads = std::max(reads, other.reads);
        scans = std::max(scans, other.scans);
        writes = std::max(writes, other.writes);
        bytes = std::max(bytes, other.bytes);
    }
};

class CountingRows final : public model::Rows {
  public:
    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        ++work_.reads;
        return store_->get(key);
    }

    void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
        ++work_.scans;
        store_->scan(first, end, [&](std::string_view key, std::string_view value) {
            ++work_.reads;
            return visit(key, value);
        });
    }

    Result<void> apply(const model::RowBatch& batch, model::LogIndex applied) {
        work_.writes += batch.size();
        for (const model::RowWrite& write : batch) {
            work_.bytes += write.key.size() + write.value.size();
        }
        return store_->apply(batch, applied);
    }

    // What was counted since the last call.
    Work take() { return std::exchange(work_, {}); }

    // Rows of [first, end), not counted.
    [[nodiscard]] std::uint64_t count(std::string_view first, std::string_view end) const {
        std::uint64_t rows = 0;
        store_->scan(first, end, [&](std::string_view, std::string_view) { return ++rows > 0; });
        return rows;
    }

  private:
    std::unique_ptr<storage::RowStore> store_ = storage::make_memory_rows();
    mutable Work work_;
};

}  // namespace penstock::simulation
