// EvenTime: wall time for those who must not see it jump. It begins as the wall clock says, runs on
// with the monotonic clock, and takes in what the wall clock is off by at a hundredth of the time
// that passes: a clock that is set an hour ahead ends no lease early, and one that is a second off
// is right again within two minutes. Owned by whoever stamps with it, one thread.
#pragma once

#include "broker/base/clock.h"

#include <algorithm>
#include <cstdint>

namespace penstock {

class EvenTime {
  public:
    // Unix milliseconds.
    std::int64_t now_ms(const Clock& clock) {
        constexpr std::int64_t us_per_ms = 1'000;
        constexpr std::int64_t share = 100;
        const std::int64_t steady_us = clock.steady_us();
        const std::int64_t wall_us = clock.wall_ms() * us_per_ms;
        if (!begun_) shown_us_ = wall_us;
        const std::int64_t passed_us = begun_ ? steady_us - steady_us_ : 0;
        begun_ = true;
        steady_us_ = steady_us;
        shown_us_ += passed_us;
        owed_us_ += passed_us;
        // Less than a millisecond is how exact the wall clock is read, not what it is off by.
        const std::int64_t off_us = wall_us - shown_us_;
        const std::int64_t most_us = owed_us_ / share;
        if (most_us > 0) {
            owed_us_ %= share;
            if (off_us > us_per_ms) shown_us_ += std::min(off_us, most_us);
            if (off_us < -us_per_ms) shown_us_ -= std::min(-off_us, most_us);
        }
        return shown_us_ / us_per_ms;
    }

    // The same without coming nearer to the wall clock, between two calls of now_ms().
    [[nodiscard]] std::int64_t still_ms(const Clock& clock) const {
        constexpr std::int64_t us_per_ms = 1'000;
        if (!begun_) return clock.wall_ms();
        return (shown_us_ + clock.steady_us() - steady_us_) / us_per_ms;
    }

  private:
    bool begun_ = false;
    std::int64_t steady_us_ = 0;
    std::int64_t shown_us_ = 0;
    std::int64_t owed_us_ = 0;  // passed, and not yet used to come nearer
};

}  // namespace penstock
