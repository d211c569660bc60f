#include "sinks/worker/output_tap.h"

#include <utility>

namespace penstock::sinks::worker {
namespace {

constexpr std::uint64_t bytes_per_second = 2'560 * 1024;
constexpr std::size_t chunk_bytes = 8 * 1024;
constexpr std::uint64_t line_bytes = 128;           // what a line costs us, as bytes
constexpr std::size_t drain_bytes_max = 64 * 1024;  // what a pipe holds

}  // namespace

OutputTap::OutputTap(const boost::asio::any_io_executor& executor, int file, Line line)
    : splitter_([this, line = std::move(line)](std::string_view text) {
          lines_ += 1;
          line(text);
      }),
      reader_(
          executor,
          file,
          [this](std::string_view bytes) {
              const std::uint64_t before = lines_;
              splitter_.put(bytes);
              reader_.charge((lines_ - before) * line_bytes);
          },
          {},
          bytes_per_second,
          chunk_bytes) {}

void OutputTap::drain() {
    reader_.drain_rationed(drain_bytes_max);
}

void OutputTap::end() {
    reader_.drain(drain_bytes_max);
    reader_.close();
    splitter_.finish();
}

}  // namespace penstock::sinks::worker
