// FailingDisk: a member's disk as its snapshots see it: it can be told to be full while the log,
// which has its space already, goes on. Owned by a Member, one test, one thread.
#pragma once

#include "broker/base/disk.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::cluster::testing {

class FailingDisk final : public Disk {
  public:
    explicit FailingDisk(Disk& disk) : disk_(disk) {}

    // Whether nothing can be made or written any more.
    void fill(bool full) { full_ = full; }

    // So many times something was not written.
    [[nodiscard]] std::uint64_t refused() const { return refused_; }

    Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override {
        if (mode == Open::create) {
            if (auto room = look(path); !room) return room.error();
        }
        auto file = disk_.open(path, mode);
        if (!file) return file.error();
        return std::unique_ptr<File>(std::make_unique<Checked>(*this, path, std::move(*file)));
    }

    Result<std::vector<std::string>> list(const std::string& folder) const override {
        return disk_.list(folder);
    }

    Result<void> make_folder(const std::string& path) override { return disk_.make_folder(path); }

    Result<void> rename(const std::string& from, const std::string& to) override {
        return disk_.rename(from, to);
    }

    Result<void> remove(const std::string& path) override { return disk_.remove(path); }

    Result<void> sync_folder(const std::string& folder) override {
        return disk_.sync_folder(folder);
    }

    [[nodiscard]] Result<Space> space(const std::string& folder) const override {
        return disk_.space(folder);
    }

  private:
    class Checked final : public File {
      public:
        Checked(FailingDisk& disk, std::string path, std::unique_ptr<File> file)
            : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}

        Result<void> read_at(std::uint64_t offset, std::size_t length, char* out) const override {
            return file_->read_at(offset, length, out);
        }

        Result<bool> try_read_cached(std::uint64_t offset,
                                     std::size_t length,
                                     char* out) const override {
            return file_->try_read_cached(offset, length, out);
        }

        Result<void> write_at(std::uint64_t offset,
                              const std::vector<std::string_view>& parts) override {
            if (auto room = disk_.look(path_); !room) return room;
            return file_->write_at(offset, parts);
        }

        Result<void> sync() override { return file_->sync(); }

        Result<void> allocate(std::uint64_t bytes) override { return file_->allocate(bytes); }

        Result<void> truncate(std::uint64_t bytes) override { return file_->truncate(bytes); }

        [[nodiscard]] Result<std::uint64_t> size() const override { return file_->size(); }

      private:
        FailingDisk& disk_;
        std::string path_;
        std::unique_ptr<File> file_;
    };

    Result<void> look(const std::string& path) {
        if (!full_) return {};
        ++refused_;
        return error(Errc::disk_full, path + ": no space left");
    }

    Disk& disk_;
    bool full_ = false;
    std::uint64_t refused_ = 0;
};

}  // namespace penstock::cluster::testing
