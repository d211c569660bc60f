// ManualClock: time that stands still until a test moves it. One test; any thread may read.
#pragma once

#include "broker/base/clock.h"

#include <atomic>

namespace penstock::testing {

class ManualClock final : public Clock {
  public:
    explicit ManualClock(std::int64_t wall_ms = 1'700'000'000'000) : wall_us_(wall_ms * 1000) {}

    [[nodiscard]] std::int64_t wall_ms() const override { return wall_us_ / 1000; }

    [[nodiscard]] std::int64_t steady_us() const override { return steady_us_; }

    void advance_us(std::int64_t pause_us) {
        wall_us_ += pause_us;
        steady_us_ += pause_us;
    }

    // Somebody sets the clock.
    void set_wall_by_ms(std::int64_t ahead_ms) { wall_us_ += ahead_ms * 1000; }

    void advance_ms(std::int64_t pause_ms) { advance_us(pause_ms * 1000); }

  private:
    std::atomic<std::int64_t> wall_us_;
    std::atomic<std::int64_t> steady_us_{1'000'000};
};

}  // namespace penstock::testing
