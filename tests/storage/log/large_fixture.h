// What the tests of large bodies share: entries with one, a store with four of them in a segment.
// One test, one thread.
#pragma once

#include "broker/storage/log/large_segments.h"
#include "tests/storage/log/store_fixture.h"

#include <functional>
#include <string>
#include <vector>

namespace penstock::storage::testing {

inline constexpr SetId data{1};
inline constexpr std::size_t large_bytes = large_body_bytes + 1'000;

// One large body and two small ones.
inline constexpr EntryShape mixed{3, 100, 1, large_bytes};

// Four large bodies a segment, many small entries.
inline LogStoreOptions roomy() {
    return small_segments(5 * large_body_bytes);
}

inline EntryShape mixed_of(std::uint64_t term) {
    EntryShape shape = mixed;
    shape.term = term;
    return shape;
}

inline std::vector<std::string> large_files(const MemoryDisk& disk) {
    std::vector<std::string> found;
    for (const std::string& path : disk.files()) {
        if (path.starts_with(folder + "/large-")) found.push_back(path);
    }
    return found;
}

inline std::function<LogIndex(SetId)> applied_to(LogIndex index) {
    return [index](SetId) {
        return index;
    };
}

}  // namespace penstock::storage::testing
