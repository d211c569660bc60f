// MemoryDisk: a Disk in memory that behaves like the worst real one: a crash forgets what was not
// synced, tears the last write anywhere, or keeps it all, as a seed decides. It can be told to
// fail, to fill up, to stop after so many operations, and to lie about syncs (to prove that a crash
// test would notice). Owned by one test, one thread. Files opened before a crash answer Error{io}.
#pragma once

#include "broker/base/disk.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::testing {

class MemoryDisk final : public Disk {
  public:
    MemoryDisk();
    ~MemoryDisk() override;

    Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override;
    Result<std::vector<std::string>> list(const std::string& folder) const override;
    Result<void> make_folder(const std::string& path) override;  // durable at once
    // A file within its folder, or a folder with the files in it.
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Result<void> sync_folder(const std::string& folder) override;
    [[nodiscard]] Result<Space> space(const std::string& folder) const override;

    // The power fails here: unsynced bytes survive in sectors of 512, as a prefix, all or not at
    // all; unsynced creations, renames and removals as a prefix.
    void crash(std::uint64_t seed);

    // What a crash now would leave, as a disk of its own without any of the switches below. Cheap:
    // pages are shared until written.
    [[nodiscard]] std::unique_ptr<MemoryDisk> crash_image(std::uint64_t seed) const;

    // The `nth` write (sync) from now on, 1 being the next, and every later one fails.
    void fail_writes_from(std::uint64_t nth, Errc code);
    void fail_syncs_from(std::uint64_t nth, Errc code);

    // The `nth` sync of a file from now on fails, once, and what it should have written is taken
    // for clean: a second sync says yes and writes nothing. What Linux does.
    void fail_one_sync(std::uint64_t nth);

    // After `operations` more changes (writes, syncs, creations, ...) every further one fails.
    void stop_after(std::uint64_t operations);

    // Back to a disk that obeys.
    void heal();

    // The size of the disk; files count with their size.
    void limit(std::uint64_t bytes);

    // sync() and sync_folder() say yes and do nothing.
    void plant_lying_syncs(bool lying);

    // Called in the middle of every sync of a file: a slow disk lets time pass there.
    void during_syncs(std::function<void()> hook);

    // open() says that the process may open no further file.
    void refuse_opens(bool yes);

    // A read of that byte of the file answers Error{io}, as a disk does of a sector it has lost.
    void lose_byte(const std::string& path, std::uint64_t offset);

    // Whether try_read_cached() finds bytes in memory.
    void cached(bool yes);

    [[nodiscard]] std::uint64_t syncs() const;       // of files and folders, so far
    [[nodiscard]] std::uint64_t operations() const;  // changes so far

    // Whether files whose names begin so have bytes that a crash may forget.
    [[nodiscard]] bool has_unsynced(std::string_view prefix) const;

    // Past the seam, durable at once: for damaging files and looking at them.
    [[nodiscard]] std::vector<std::string> files() const;
    [[nodiscard]] std::string bytes_of(const std::string& path) const;
    void put_bytes(const std::string& path, std::string_view bytes);

    struct State;

  private:
    std::shared_ptr<State> state_;
};

}  // namespace penstock::testing
