#include "tests/simulation/watched_disk.h"

namespace penstock::simulation {

namespace {

class WatchedFile final : public File {
  public:
    WatchedFile(std::unique_ptr<File> below, const std::function<void()>& before_sync)
        : below_(std::move(below)), before_sync_(before_sync) {}

    Result<void> read_at(std::uint64_t offset, std::size_t length, char* out) const override {
        return below_->read_at(offset, length, out);
    }

    Result<bool> try_read_cached(std::uint64_t offset,
                                 std::size_t length,
                                 char* out) const override {
        return below_->try_read_cached(offset, length, out);
    }

    Result<void> write_at(std::uint64_t offset,
                          const std::vector<std::string_view>& parts) override {
        return below_->write_at(offset, parts);
    }

    Result<void> sync() override {
        before_sync_();
        return below_->sync();
    }

    Result<void> allocate(std::uint64_t bytes) override { return below_->allocate(bytes); }

    Result<void> truncate(std::uint64_t bytes) override { return below_->truncate(bytes); }

    [[nodiscard]] Result<std::uint64_t> size() const override { return below_->size(); }

  private:
    std::unique_ptr<File> below_;
    const std::function<void()>& before_sync_;
};

}  // namespace

Result<std::unique_ptr<File>> WatchedDisk::open(const std::string& path, Open mode) {
    auto opened = below_.open(path, mode);
    if (!opened) return opened.error();
    return std::unique_ptr<File>(std::make_unique<WatchedFile>(std::move(*opened), before_sync_));
}

}  // namespace penstock::simulation
