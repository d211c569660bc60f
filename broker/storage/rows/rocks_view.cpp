// Rows read from files that nobody writes to.
#include "broker/storage/rows/rocks_options.h"
#include "broker/storage/rows/rocks_rows.h"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>

#include <utility>

namespace penstock::storage {

namespace {

constexpr std::uint64_t view_cache_bytes = 4ULL << 20;

rocksdb::Slice slice(std::string_view text) {
    return {text.data(), text.size()};
}

class RocksView final : public RowView {
  public:
    RocksView(std::unique_ptr<rocksdb::DB> database, std::string folder)
        : database_(std::move(database)), state_(std::move(folder)) {}

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        std::string value;
        const rocksdb::Status status = database_->Get(rocks_read_options(), slice(key), &value);
        if (status.ok()) return value;
        if (!status.IsNotFound()) note(status);
        return {};
    }

    void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
        if (first >= end) return;
        const rocksdb::Slice upper = slice(end);
        rocksdb::ReadOptions read = rocks_read_options();
        read.iterate_upper_bound = &upper;
        const std::unique_ptr<rocksdb::Iterator> at(database_->NewIterator(read));
        for (at->Seek(slice(first)); at->Valid(); at->Next()) {
            const rocksdb::Slice key = at->key();
            const rocksdb::Slice value = at->value();
            if (!visit({key.data(), key.size()}, {value.data(), value.size()})) return;
        }
        if (!at->status().ok()) note(at->status());
    }

    [[nodiscard]] Result<void> health() const override { return state_.health(); }

  private:
    void note(const rocksdb::Status& status) const {
        state_.fail(rocks_error("read", state_.folder(), status));
    }

    std::unique_ptr<rocksdb::DB> database_;
    mutable RocksState state_;
};

}  // namespace

Result<std::unique_ptr<RowView>> open_rocks_view(const std::string& folder) {
    RowStoreOptions options;
    options.cache_bytes = view_cache_bytes;
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        rocksdb::DB::OpenForReadOnly(rocks_options(options, nullptr), folder, &opened);
    std::unique_ptr<rocksdb::DB> database(opened);
    if (!status.ok()) return rocks_error("open", folder, status);
    return std::unique_ptr<RowView>(std::make_unique<RocksView>(std::move(database), folder));
}

}  // namespace penstock::storage
