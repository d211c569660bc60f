// PushSink: an HTTP receiver on loopback for pushes, on a thread of its own. Every body opens with
// the time it was published (16 hexadecimal digits of the steady clock); the sink answers 200 and
// records how long the push took. Started and stopped by the bench; what it recorded is read after
// it has stopped.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/cli/bench_histogram.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::cli {

// 16 hexadecimal digits; nothing for other text.
std::string stamp_of(std::int64_t steady_us);
std::int64_t stamp_in(std::string_view body);  // -1: none

class PushSink {
  public:
    explicit PushSink(const Clock& clock);
    ~PushSink();
    PushSink(const PushSink&) = delete;
    PushSink& operator=(const PushSink&) = delete;

    Result<void> start();

    [[nodiscard]] std::string url() const;

    // Only what was published within is recorded (any thread).
    void measure(std::int64_t from_us, std::int64_t to_us);

    // Pushes received so far, warm-up included (any thread).
    [[nodiscard]] std::uint64_t received() const;

    // After this the figures below hold still.
    void stop();

    [[nodiscard]] const Histogram& latency() const;
    // Pushes that arrived while measuring.
    [[nodiscard]] std::uint64_t arrived() const;

  private:
    class Receiver;
    std::unique_ptr<Receiver> receiver_;
};

}  // namespace penstock::cli
