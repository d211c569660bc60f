// CountingDisk: a disk that counts what is written to the disk below, and when something is made
// durable. Nothing is: syncs are counted and not made, so that a run takes the same time on every
// disk. Reads always come from the page cache, space is reserved without being written. Owned by
// one test, one thread.
#pragma once

#include "broker/base/disk.h"
#include "tests/bench/budget/spent.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::budget {

class CountingDisk final : public Disk {
  public:
    // `spent` outlives the disk and its files.
    CountingDisk(Disk& below, Spent& spent) : below_(below), spent_(spent) {}

    Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override;

    Result<std::vector<std::string>> list(const std::string& folder) const override {
        return below_.list(folder);
    }

    Result<void> make_folder(const std::string& path) override { return below_.make_folder(path); }

    Result<void> rename(const std::string& from, const std::string& to) override {
        return below_.rename(from, to);
    }

    Result<void> remove(const std::string& path) override { return below_.remove(path); }

    Result<void> sync_folder(const std::string& /*folder*/) override {
        spent_.add(Figure::syncs, 1);
        return {};
    }

    // Plenty, whatever the machine has.
    [[nodiscard]] Result<Space> space(const std::string& /*folder*/) const override {
        return Space{1ULL << 40, 1ULL << 39};
    }

  private:
    Disk& below_;
    Spent& spent_;
};

}  // namespace penstock::budget
