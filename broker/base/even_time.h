// EvenTime: wall time for those who must not see it jump. It begins as the wall clock says, runs on
// with the monotonic clock, and takes in what the wall clock is off by at a hundredth of the time
// that passes: a clock that is set an hour ahead ends no lease early, and one that is a second off
// is right again within two minutes. Owned by whoever stamps with it, one thread.
#pragma once

#include "broker/base/clock.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace penstock {

class EvenTime {
  public:
    // Unix milliseconds.
    std::int64_t now_ms(const Clock& clock) {
        constexpr std::int64_t us_per_ms = 1'000;
        constexpr std::int64_t share = 100;
        constexpr std::int64_t same_us = 2'000;  // the wall clock is read in whole milliseconds
        const std::int64_t steady_us = clock.steady_us();
        const std::int64_t wall_us = clock.wall_ms() * us_per_ms;
        if (!begun_) shown_us_ = wall_us;
        const std::int64_t passed_us = begun_ ? steady_us - steady_us_ : 0;
        begun_ = true;
        steady_us_ = steady_us;
        shown_us_ += passed_us;
        owed_us_ += passed_us;
        const std::int64_t off_us = wall_us - shown_us_;
        const std::int64_t most_us = owed_us_ / share;
        owed_us_ %= share;
        if (std::abs(off_us) <= same_us) {
            shown_us_ = wall_us;
        } else {
            shown_us_ += std::clamp(off_us, -most_us, most_us);
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
