// OutputTap: what a process writes to stderr, or to a stdout that carries no frames, line by line
// into the function's log. It reads no faster than a log is worth: a flood waits in the pipe and
// holds up the one who makes it. Owned by a conversation, on its thread.
#pragma once

#include "sinks/worker/line_splitter.h"
#include "sinks/worker/pipes.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace penstock::sinks::worker {

class OutputTap {
  public:
    using Line = std::function<void(std::string_view)>;

    // Takes `file` over. `line` is called from the executor, drain() and end().
    OutputTap(const boost::asio::any_io_executor& executor, int file, Line line);

    // Takes what is there at this moment; of a flood its part, however often it is asked.
    void drain();

    // The process is gone: takes what is left, also an unfinished line, and closes.
    void end();

  private:
    LineSplitter splitter_;
    std::uint64_t lines_ = 0;
    PipeReader reader_;
};

}  // namespace penstock::sinks::worker
