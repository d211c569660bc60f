#include "broker/base/bytes.h"
#include "broker/base/planted.h"
#include "broker/storage/rows/applied_index.h"
#include "broker/storage/rows/row_store.h"

#include <atomic>
#include <utility>
#include <vector>

namespace penstock::storage {

namespace {

using model::LogIndex;
using model::RowBatch;
using model::RowWrite;

void apply_write(MemoryRowsImage& rows, const RowWrite& write) {
    switch (write.kind) {
        case RowWrite::Kind::put:
            rows.insert_or_assign(write.key, write.value);
            return;
        case RowWrite::Kind::erase:
            rows.erase(write.key);
            return;
        case RowWrite::Kind::erase_range:
            if (write.key < write.value) {
                rows.erase(rows.lower_bound(write.key), rows.lower_bound(write.value));
            }
            return;
    }
}

constexpr std::string_view checkpoint_file = "rows";

std::string encode_image(const MemoryRowsImage& rows) {
    std::string bytes;
    Writer writer(bytes);
    writer.varint(rows.size());
    for (const auto& [key, value] : rows) {
        writer.bytes(key);
        writer.bytes(value);
    }
    return bytes;
}

std::uint64_t bytes_of(const RowBatch& batch) {
    std::uint64_t bytes = 0;
    for (const RowWrite& write : batch) bytes += write.key.size() + write.value.size();
    return bytes;
}

class MemoryRows final : public RowStore {
  public:
    MemoryRows(MemoryRowsImage* image, Disk* disk) : image_(image), disk_(disk) {
        if (image_ == nullptr) return;
        rows_ = *image_;
        const auto applied = get(applied_index_key);
        if (!applied) return;
        applied_ = decode_applied(*applied).value_or(0);
        flushed_applied_ = applied_;
    }

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        const auto found = rows_.find(key);
        if (found == rows_.end()) return {};
        return found->second;
    }

    void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
        for (auto at = rows_.lower_bound(first); at != rows_.end() && at->first < end; ++at) {
            if (!visit(at->first, at->second)) return;
        }
    }

    Result<void> apply(RowBatch batch, LogIndex applied) override {
        for (const RowWrite& write : batch) put(write);
        if (!writes_applied(batch, applied)) {
            put({RowWrite::Kind::put, std::string(applied_index_key), encode_applied(applied)});
        }
        applied_ = applied;
        unflushed_bytes_ += bytes_of(batch);
        return {};
    }

    Result<void> start_flush() override { return flush(); }

    [[nodiscard]] bool flushing() const override { return false; }

    Result<void> tend() override { return {}; }

    Result<void> flush() override {
        // The rows stay behind, their applied index does not.
        if (planted(K34) && unflushed_.size() > 2)
            unflushed_.erase(unflushed_.begin(), unflushed_.end() - 2);
        for (const RowWrite& write : unflushed_) apply_write(*image_, write);
        unflushed_.clear();
        unflushed_bytes_ = 0;
        flushed_applied_ = applied_;
        return {};
    }

    Result<LogIndex> checkpoint(const std::string& folder) override {
        if (disk_ == nullptr) return error(Errc::invalid, folder + ": these rows have no disk");
        if (auto flushed = flush(); !flushed) return flushed.error();
        if (auto made = disk_->make_folder(folder); !made) return made.error();
        auto file = disk_->open(folder + "/" + std::string(checkpoint_file), Disk::Open::create);
        if (!file) return file.error();
        const std::string bytes = encode_image(rows_);
        if (auto wrote = (*file)->write_at(0, {bytes}); !wrote) return wrote.error();
        if (auto synced = (*file)->sync(); !synced) return synced.error();
        if (auto synced = disk_->sync_folder(folder); !synced) return synced.error();
        return applied_;
    }

    [[nodiscard]] LogIndex flushed_applied() const override { return flushed_applied_; }

    [[nodiscard]] std::uint64_t unflushed_bytes() const override { return unflushed_bytes_; }

    [[nodiscard]] bool pressured() const override { return false; }

    [[nodiscard]] Result<void> health() const override { return {}; }

    [[nodiscard]] std::uint64_t bytes_on_disk() const override { return 0; }

  private:
    void put(const RowWrite& write) {
        apply_write(rows_, write);
        if (image_ != nullptr) unflushed_.push_back(write);
    }

    MemoryRowsImage* image_;
    Disk* disk_;
    MemoryRowsImage rows_;
    RowBatch unflushed_;  // what the image lacks; empty without an image
    std::uint64_t unflushed_bytes_ = 0;
    LogIndex applied_ = 0;
    std::atomic<LogIndex> flushed_applied_ = 0;
};

}  // namespace

std::unique_ptr<RowStore> make_memory_rows(MemoryRowsImage* image, Disk* disk) {
    return std::make_unique<MemoryRows>(image, disk);
}

Result<MemoryRowsImage> read_memory_rows(Disk& disk, const std::string& folder) {
    const std::string path = folder + "/" + std::string(checkpoint_file);
    auto file = disk.open(path, Disk::Open::existing);
    if (!file) return file.error();
    const Result<std::uint64_t> size = (*file)->size();
    if (!size) return size.error();
    std::string bytes(static_cast<std::size_t>(*size), '\0');
    if (auto read = (*file)->read_at(0, bytes.size(), bytes.data()); !read) return read.error();
    MemoryRowsImage image;
    Reader reader(bytes);
    const std::size_t rows = reader.count(2);
    for (std::size_t at = 0; at < rows; ++at) {
        std::string key = reader.text();
        image.insert_or_assign(std::move(key), reader.text());
    }
    if (!reader.done()) return error(Errc::damaged, path + ": these are no rows");
    return image;
}

}  // namespace penstock::storage
