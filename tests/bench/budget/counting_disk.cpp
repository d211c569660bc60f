#include "tests/bench/budget/counting_disk.h"

#include <utility>

namespace penstock::budget {

namespace {

class CountingFile final : public File {
  public:
    CountingFile(std::unique_ptr<File> below, Spent& spent, Figure bytes)
        : below_(std::move(below)), spent_(spent), bytes_(bytes) {}

    Result<void> read_at(std::uint64_t offset, std::size_t length, char* out) const override {
        return below_->read_at(offset, length, out);
    }

    Result<bool> try_read_cached(std::uint64_t offset,
                                 std::size_t length,
                                 char* out) const override {
        if (auto got = below_->read_at(offset, length, out); !got) return got.error();
        return true;
    }

    Result<void> write_at(std::uint64_t offset,
                          const std::vector<std::string_view>& parts) override {
        for (const std::string_view part : parts) spent_.add(bytes_, part.size());
        spent_.add(Figure::writes, 1);
        return below_->write_at(offset, parts);
    }

    Result<void> sync() override {
        spent_.add(Figure::syncs, 1);
        return {};
    }

    // A hole reads as zeros too.
    Result<void> allocate(std::uint64_t bytes) override {
        const auto now = below_->size();
        if (!now) return now.error();
        return *now >= bytes ? Result<void>{} : below_->truncate(bytes);
    }

    Result<void> truncate(std::uint64_t bytes) override { return below_->truncate(bytes); }

    [[nodiscard]] Result<std::uint64_t> size() const override { return below_->size(); }

  private:
    std::unique_ptr<File> below_;
    Spent& spent_;
    Figure bytes_;
};

bool is_segment(const std::string& path) {
    return path.find("/log/segment-") != std::string::npos;
}

}  // namespace

Result<std::unique_ptr<File>> CountingDisk::open(const std::string& path, Open mode) {
    auto opened = below_.open(path, mode);
    if (!opened) return opened.error();
    const Figure bytes = is_segment(path) ? Figure::log_bytes : Figure::other_bytes;
    return std::unique_ptr<File>(std::make_unique<CountingFile>(std::move(*opened), spent_, bytes));
}

}  // namespace penstock::budget
