#include "broker/storage/rows/rocks_rows.h"

#include "broker/storage/rows/applied_index.h"
#include "broker/storage/rows/fresh_rows.h"
#include "broker/storage/rows/handover.h"
#include "broker/storage/rows/rocks_options.h"
#include "broker/storage/rows/row_cache.h"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/utilities/checkpoint.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace penstock::storage {

namespace {

using model::LogIndex;
using model::RowBatch;

// Some 15,000 rows. The block cache comes behind it: that is for what lies in files.
constexpr std::size_t row_cache_bytes = 4ULL << 20;
constexpr std::size_t nothing_below_bytes = 1ULL << 20;

rocksdb::Slice slice(std::string_view text) {
    return {text.data(), text.size()};
}

// The applied index among the rows on disk, memtables left aside.
rocksdb::Status read_persisted(rocksdb::DB& database, std::string& value) {
    rocksdb::ReadOptions read = rocks_read_options();
    read.read_tier = rocksdb::kPersistedTier;
    return database.Get(read, slice(applied_index_key), &value);
}

// What was written last lies in `fresh_`, what is on its way into RocksDB in `sealed_`, the rest
// there.
class RocksRows final : public RowStore {
  public:
    RocksRows(std::unique_ptr<rocksdb::DB> database,
              std::shared_ptr<RocksState> state,
              std::uint64_t fresh_bytes)
        : database_(std::move(database)),
          state_(std::move(state)),
          fresh_bytes_(fresh_bytes),
          handover_(*database_, state_) {}

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        const FreshRows::Row* row = fresh_->find(key);
        if (const FreshRows* sealed = handover_.rows(); row == nullptr && sealed != nullptr) {
            row = sealed->find(key);
        }
        if (row == nullptr) return get_below(key);
        if (row->erased) return {};
        return row->value;
    }

    void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
        if (first >= end) return;
        RowsBelow below;
        below.from = nothing_below_.reach(first);
        below.scan = [&](const RowsBelow::See& see) {
            scan_below(below.from, end, see);
        };
        scan_over(*fresh_, handover_.rows(), first, end, below, visit);
    }

    Result<void> apply(RowBatch batch, LogIndex applied) override {
        // Of this thread, which does most of the reading too: counts of each comparison, in memory
        // of the thread's own, that nobody here looks at.
        rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
        if (auto tended = tend(); !tended) return tended;
        if (fresh_->bytes() >= fresh_bytes_) {
            if (auto sealed = seal(); !sealed) return sealed;
        }
        if (!writes_applied(batch, applied)) {
            batch.push_back({model::RowWrite::Kind::put,
                             std::string(applied_index_key),
                             encode_applied(applied)});
        }
        cache_.forget(batch);
        fresh_->apply(std::move(batch));
        return {};
    }

    Result<void> start_flush() override {
        if (auto healthy = health(); !healthy) return healthy;
        // More would be handed over before what is under way is on the disk.
        flush_wanted_ = handover_.under_way();
        return flush_wanted_ ? Result<void>() : seal();
    }

    [[nodiscard]] bool flushing() const override { return flush_wanted_ || handover_.under_way(); }

    Result<void> tend() override {
        if (auto healthy = health(); !healthy) return healthy;
        look();
        return flush_wanted_ && !handover_.under_way() ? seal() : Result<void>();
    }

    Result<void> flush() override {
        if (auto healthy = health(); !healthy) return healthy;
        if (auto sealed = seal(); !sealed) return sealed;
        handover_.wait();
        look();
        return health();
    }

    Result<LogIndex> checkpoint(const std::string& folder) override {
        std::error_code unknown;
        if (std::filesystem::exists(folder, unknown)) {
            return error(Errc::invalid, "cannot copy rows to " + folder + ": it exists");
        }
        if (auto flushed = flush(); !flushed) return flushed.error();
        rocksdb::Checkpoint* made = nullptr;
        rocksdb::Status status = rocksdb::Checkpoint::Create(database_.get(), &made);
        const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
        if (status.ok()) status = checkpoint->CreateCheckpoint(folder);
        // What is wrong with the target is not what is wrong with these rows.
        if (!status.ok()) return rocks_error("copy to " + folder, state_->folder(), status);
        return flushed_applied();
    }

    [[nodiscard]] LogIndex flushed_applied() const override { return state_->flushed_applied; }

    [[nodiscard]] std::uint64_t unflushed_bytes() const override { return fresh_->bytes(); }

    [[nodiscard]] bool pressured() const override {
        const bool filling = fresh_->bytes() > fresh_bytes_ / 4 * 3 && handover_.under_way();
        return filling || state_->stalling || state_->compaction_late;
    }

    [[nodiscard]] Result<void> health() const override { return state_->health(); }

    [[nodiscard]] std::uint64_t bytes_on_disk() const override {
        std::uint64_t bytes = 0;
        database_->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
        return bytes;
    }

  private:
    std::optional<std::string> get_below(std::string_view key) const {
        if (const RowCache::Value* known = cache_.find(key)) return *known;
        RowCache::Value value(std::in_place);
        const rocksdb::Status status = database_->Get(read_options_, slice(key), &*value);
        if (!status.ok()) value.reset();
        if (status.ok() || status.IsNotFound()) {
            cache_.keep(key, value);
        } else {
            note_read_failure(status);
        }
        return value;
    }

    // Most scans are of what comes and goes before it is ever handed over, over and over: where
    // nothing lies below that counts is remembered.
    void scan_below(std::string_view first,
                    std::string_view end,
                    const RowsBelow::See& see) const {
        // The bounds keep RocksDB from walking tombstones outside of what was asked for.
        const rocksdb::Slice lower = slice(first);
        const rocksdb::Slice upper = slice(end);
        rocksdb::ReadOptions read = read_options_;
        read.iterate_lower_bound = &lower;
        read.iterate_upper_bound = &upper;
        const std::unique_ptr<rocksdb::Iterator> at(database_->NewIterator(read));
        bool nothing = true;
        for (at->Seek(lower); at->Valid(); at->Next()) {
            const std::string_view key = at->key().ToStringView();
            const Lower row = see(key, at->value().ToStringView());
            if (nothing && row != Lower::hidden) remember_nothing(first, key);
            nothing = nothing && row == Lower::hidden;
            if (row == Lower::unwanted) return;
        }
        if (!at->status().ok()) return note_read_failure(at->status());
        if (nothing) remember_nothing(first, end);
    }

    void remember_nothing(std::string_view first, std::string_view end) const {
        if (nothing_below_.bytes() > nothing_below_bytes) nothing_below_.clear();
        nothing_below_.add(first, end);
    }

    // Rows that were handed over lie below from then on.
    void look() {
        if (handover_.look()) nothing_below_.clear();
    }

    // Everything written so far is on its way into RocksDB then; waits for what was before.
    Result<void> seal() {
        handover_.wait();
        look();
        if (auto healthy = health(); !healthy) return healthy;
        flush_wanted_ = false;
        if (fresh_->bytes() == 0) return {};
        handover_.start(std::exchange(fresh_, std::make_unique<FreshRows>()));
        return {};
    }

    void note_read_failure(const rocksdb::Status& status) const {
        state_->fail(rocks_error("read", state_->folder(), status));
    }

    std::unique_ptr<rocksdb::DB> database_;
    std::shared_ptr<RocksState> state_;
    std::uint64_t fresh_bytes_;
    rocksdb::ReadOptions read_options_ = rocks_read_options();
    mutable RowCache cache_{row_cache_bytes};
    bool flush_wanted_ = false;  // once what is under way has ended
    mutable KeyRanges nothing_below_;
    std::unique_ptr<FreshRows> fresh_ = std::make_unique<FreshRows>();
    Handover handover_;
};

// True when there is any row at all.
bool holds_rows(rocksdb::DB& database) {
    const std::unique_ptr<rocksdb::Iterator> at(database.NewIterator(rocks_read_options()));
    at->SeekToFirst();
    return at->Valid() || !at->status().ok();
}

}  // namespace

Result<std::unique_ptr<RowStore>> make_rocks_rows(std::unique_ptr<rocksdb::DB> database,
                                                  std::shared_ptr<RocksState> state,
                                                  std::uint64_t fresh_bytes) {
    std::string value;
    const rocksdb::Status found = read_persisted(*database, value);
    if (!found.ok() && !found.IsNotFound()) return rocks_error("read", state->folder(), found);
    if (found.ok() ? !decode_applied(value) : holds_rows(*database)) {
        return rocks_error("read the applied index of",
                           state->folder(),
                           rocksdb::Status::Corruption("the row is missing or malformed"));
    }
    if (found.ok()) state->flushed_applied = *decode_applied(value);
    return std::unique_ptr<RowStore>(
        std::make_unique<RocksRows>(std::move(database), std::move(state), fresh_bytes));
}

void RocksState::refresh_flushed(rocksdb::DB& database) {
    std::string value;
    const rocksdb::Status found = read_persisted(database, value);
    if (found.IsNotFound()) return;
    const auto applied = found.ok() ? decode_applied(value) : std::nullopt;
    if (!applied) {
        fail(rocks_error("read the applied index of", folder_, found));
        return;
    }
    LogIndex known = flushed_applied;
    while (known < *applied && !flushed_applied.compare_exchange_weak(known, *applied)) {
    }
}

}  // namespace penstock::storage
