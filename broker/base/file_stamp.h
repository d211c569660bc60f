// FileStamp: tells one content of a file from the next without reading it. A value, any thread.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

struct FileStamp {
    std::uint64_t file = 0;
    std::int64_t bytes = 0;
    std::int64_t written_ns = 0;

    friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// Of a file that is not there: the empty one.
FileStamp stamp_of(const std::string& path);

}  // namespace penstock
