// WatchedDisk: a disk that calls a hook right before each sync reaches the disk below: the moments
// at which a power cut can lose the most. Owned by one test, one thread.
#pragma once

#include "broker/base/disk.h"

#include <functional>
#include <memory>
#include <utility>

namespace penstock::simulation {

class WatchedDisk final : public Disk {
  public:
    WatchedDisk(Disk& below, std::function<void()> before_sync)
        : below_(below), before_sync_(std::move(before_sync)) {}

    Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override;

    Result<std::vector<std::string>> list(const std::string& folder) const override {
        return below_.list(folder);
    }

    Result<void> make_folder(const std::string& path) override { return below_.make_folder(path); }

    Result<void> rename(const std::string& from, const std::string& to) override {
        return below_.rename(from, to);
    }

    Result<void> remove(const std::string& path) override { return below_.remove(path); }

    Result<void> sync_folder(const std::string& folder) override {
        before_sync_();
        return below_.sync_folder(folder);
    }

    [[nodiscard]] Result<Space> space(const std::string& folder) const override {
        return below_.space(folder);
    }

  private:
    Disk& below_;
    std::function<void()> before_sync_;
};

}  // namespace penstock::simulation
