// What the tests of the log store share: a store on a MemoryDisk, entries whose bytes follow from
// their place, and checks that compare them. One test, one thread.
#pragma once

#include "broker/storage/log/log_store.h"
#include "tests/support/memory_disk.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::storage::testing {

using penstock::testing::MemoryDisk;

inline const std::string folder = "/data/log";

inline LogStoreOptions small_segments(std::uint64_t bytes = 16 << 10) {
    LogStoreOptions options;
    options.segment_bytes = bytes;
    return options;
}

inline LogIndex nothing_applied(SetId) {
    return 0;
}

inline Result<std::unique_ptr<LogStore>> try_open(
    MemoryDisk& disk,
    const LogStoreOptions& options = small_segments(),
    const std::function<LogIndex(SetId)>& applied = nothing_applied) {
    return LogStore::open(disk, folder, options, applied);
}

inline std::unique_ptr<LogStore> open_store(
    MemoryDisk& disk,
    const LogStoreOptions& options = small_segments(),
    const std::function<LogIndex(SetId)>& applied = nothing_applied) {
    auto store = try_open(disk, options, applied);
    if (!store) {
        ADD_FAILURE() << store.error().detail;
        return nullptr;
    }
    return std::move(*store);
}

// The bytes a body must have: its place repeated, so that no two bodies are alike; some of the
// longer ones end with zeros.
std::string body_text(
    SetId set, LogIndex index, std::uint32_t ordinal, std::size_t bytes, std::uint64_t term = 1);

struct EntryShape {
    std::uint32_t bodies = 1;
    std::size_t body_bytes = 100;
    std::uint64_t term = 1;
    std::size_t first_bytes = 0;  // of the first body, when it is another one
    std::uint64_t alike = 0;      // not 0: in every entry with this number the bodies are the same

    [[nodiscard]] std::size_t bytes_of(std::uint32_t ordinal) const {
        return ordinal == 0 && first_bytes != 0 ? first_bytes : body_bytes;
    }
};

// The body of an entry with that shape.
std::string body_of(SetId set, LogIndex index, std::uint32_t ordinal, const EntryShape& shape);

EntryRecord make_entry(SetId set, LogIndex index, const EntryShape& shape = {});

// Appends entries first..last and syncs after each.
void append_entries(
    LogStore& store, SetId set, LogIndex first, LogIndex last, const EntryShape& shape = {});

// The body as a reader would get it.
Result<BodySource::Body> read_body(const LogStore& store,
                                   MessageId message,
                                   BodySource::Wait wait = BodySource::Wait::yes);

// Every entry of the set from `first` on is there and is the one made with `shape`.
void expect_entries(
    const LogStore& store, SetId set, LogIndex first, LogIndex last, const EntryShape& shape = {});

}  // namespace penstock::storage::testing
