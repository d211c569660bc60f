// Disk and File: the only way to files for code that keeps state. Production uses PosixDisk;
// tests a disk in memory that forgets unsynced writes. A File is used by one writing thread;
// reads are safe from any thread. Every failure is an Error{io|disk_full|not_found}, or
// Error{unavailable} while the process may open no further file or has no memory for it.
#pragma once

#include "broker/base/error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

class File {
  public:
    virtual ~File() = default;

    // Reads exactly `length` bytes at `offset` into `out`; a short file is Error{damaged}.
    virtual Result<void> read_at(std::uint64_t offset, std::size_t length, char* out) const = 0;

    // As read_at, but only from memory: false (and no bytes) when the disk would have to be asked.
    virtual Result<bool> try_read_cached(std::uint64_t offset,
                                         std::size_t length,
                                         char* out) const = 0;

    // Writes all `parts`, one after the other, at `offset`. Not durable before sync().
    virtual Result<void> write_at(std::uint64_t offset,
                                  const std::vector<std::string_view>& parts) = 0;

    // Makes every earlier write durable (fdatasync). After an error the file must not be used.
    virtual Result<void> sync() = 0;

    // Reserves `bytes` of zeroed space from the start of the file (posix_fallocate).
    virtual Result<void> allocate(std::uint64_t bytes) = 0;

    virtual Result<void> truncate(std::uint64_t bytes) = 0;
    [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
};

class Disk {
  public:
    virtual ~Disk() = default;

    enum class Open { existing, create };  // create: makes the file or opens the one that is there

    virtual Result<std::unique_ptr<File>> open(const std::string& path, Open mode) = 0;
    virtual Result<std::vector<std::string>> list(
        const std::string& folder) const = 0;                       // names, sorted
    virtual Result<void> make_folder(const std::string& path) = 0;  // with parents; may exist
    virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    virtual Result<void> remove(const std::string& path) = 0;  // a file, or a folder that is empty

    // Makes creations, renames and removals in `folder` durable.
    virtual Result<void> sync_folder(const std::string& folder) = 0;

    struct Space {
        std::uint64_t total_bytes;
        std::uint64_t free_bytes;  // what this process may still write
    };

    [[nodiscard]] virtual Result<Space> space(const std::string& folder) const = 0;
};

class PosixDisk final : public Disk {
  public:
    Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override;
    Result<std::vector<std::string>> list(const std::string& folder) const override;
    Result<void> make_folder(const std::string& path) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Result<void> sync_folder(const std::string& folder) override;
    [[nodiscard]] Result<Space> space(const std::string& folder) const override;
};

}  // namespace penstock
