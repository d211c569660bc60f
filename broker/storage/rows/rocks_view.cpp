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

class RocksView final : public model::Rows {
  public:
    explicit RocksView(std::unique_ptr<rocksdb::DB> database) : database_(std::move(database)) {}

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        std::string value;
        if (!database_->Get(rocks_read_options(), slice(key), &value).ok()) return {};
        return value;
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
    }

  private:
    std::unique_ptr<rocksdb::DB> database_;
};

}  // namespace

Result<std::unique_ptr<model::Rows>> open_rocks_view(const std::string& folder) {
    RowStoreOptions options;
    options.cache_bytes = view_cache_bytes;
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        rocksdb::DB::OpenForReadOnly(rocks_options(options, nullptr), folder, &opened);
    std::unique_ptr<rocksdb::DB> database(opened);
    if (!status.ok()) return rocks_error("open", folder, status);
    return std::unique_ptr<model::Rows>(std::make_unique<RocksView>(std::move(database)));
}

}  // namespace penstock::storage
