// LineSplitter: lines out of a stream of bytes for people to read: stderr, stray output. What is
// longer than the limit is cut, the rest up to the line's end is dropped. A value, one thread.
#pragma once

#include "broker/api/functions.h"

#include <functional>
#include <string>
#include <string_view>

namespace penstock::sinks::worker {

class LineSplitter {
  public:
    using Line = std::function<void(std::string_view)>;

    explicit LineSplitter(Line line, std::size_t bytes_max = api::function_log_line_bytes_max)
        : line_(std::move(line)), bytes_max_(bytes_max) {}

    void put(std::string_view bytes);

    // The stream ended: what is left is a line as well.
    void finish();

  private:
    void add(std::string_view part);

    Line line_;
    std::size_t bytes_max_;
    std::string begun_;
};

}  // namespace penstock::sinks::worker
