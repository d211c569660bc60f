// Pace: so many bytes a second at most, smoothly: what was not used is not made up for. A value,
// one thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock::cluster {

class Pace {
  public:
    // 0: no limit.
    explicit Pace(std::uint64_t bytes_per_s) : bytes_per_s_(bytes_per_s) {}

    // Monotonic time from which on more may be taken.
    [[nodiscard]] std::int64_t next_us() const { return next_us_; }

    [[nodiscard]] bool ready(std::int64_t now_us) const { return now_us >= next_us_; }

    void spend(std::uint64_t bytes, std::int64_t now_us) {
        if (bytes_per_s_ == 0) return;
        const std::uint64_t us = bytes * us_per_s / bytes_per_s_;
        next_us_ = std::max(next_us_, now_us) + static_cast<std::int64_t>(us);
    }

  private:
    static constexpr std::uint64_t us_per_s = 1'000'000;

    std::uint64_t bytes_per_s_;
    std::int64_t next_us_ = 0;
};

}  // namespace penstock::cluster
