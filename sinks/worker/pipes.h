// Pipes of child processes: making them, reading them by the chunk, writing many frames with one
// call. Readers and writers belong to the thread of their executor and to one conversation; they
// call back only from the executor or from drain(), and never after close(). A broken pipe is an
// end, not a failure.
#pragma once

#include "broker/base/error.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::sinks::worker {

// Both ends close on exec. Error{unavailable}: no descriptors.
struct Pipe {
    int read_end = -1;
    int write_end = -1;
};

Result<Pipe> make_pipe();
Result<int> open_null();  // /dev/null, to be read and written

// For a process that reads nothing: its standard output and error, and /dev/null as its input.
struct OutputFiles {
    Pipe out;
    Pipe err;
    int null = -1;
};

Result<OutputFiles> make_output_files();

void close_file(int file);  // -1: nothing to do

// Reads until the end or an error. Reads slower than `bytes_per_second` on the average: a flood
// waits in the pipe and so holds up the one who makes it.
class PipeReader {
  public:
    using Bytes = std::function<void(std::string_view)>;
    using Ended = std::function<void()>;

    // Takes `file` over.
    PipeReader(const boost::asio::any_io_executor& executor,
               int file,
               Bytes bytes,
               Ended ended = {},
               std::uint64_t bytes_per_second = 0,  // 0: as fast as it comes
               std::size_t chunk_bytes = 64 * 1024);
    ~PipeReader();
    PipeReader(const PipeReader&) = delete;
    PipeReader& operator=(const PipeReader&) = delete;

    // Reads what is there now, at most `bytes_max`; calls `bytes` inside.
    void drain(std::size_t bytes_max);

    // The same while its rate allows it; the rest waits like a flood.
    void drain_rationed(std::size_t bytes_max);

    // What was read cost as much as so many more bytes. Inside `bytes`.
    void charge(std::uint64_t bytes);

    // No more reading until resume().
    void pause();
    void resume();

    void close();

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

// Queues text and writes as much as the pipe takes.
class PipeWriter {
  public:
    using Event = std::function<void()>;

    // `progress`: bytes went out after they had to wait. `broken`: nobody reads any more.
    PipeWriter(const boost::asio::any_io_executor& executor,
               int file,
               Event progress,
               Event broken);
    ~PipeWriter();
    PipeWriter(const PipeWriter&) = delete;
    PipeWriter& operator=(const PipeWriter&) = delete;

    // Appends; nothing is written before flush().
    void put(std::string_view bytes);
    void flush();

    // Closes once everything is written.
    void finish();
    void close();

    [[nodiscard]] std::uint64_t queued() const;   // bytes put so far
    [[nodiscard]] std::uint64_t written() const;  // of them, bytes the pipe took
    [[nodiscard]] std::uint64_t taken() const;    // of these, bytes the reader took; before close()
    [[nodiscard]] bool broken() const;

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace penstock::sinks::worker
