// Histogram: latencies in microseconds with about 1.5 % resolution and a fixed size, whatever is
// recorded (64 buckets per power of two). One thread; merge what several threads recorded.
#pragma once

#include <array>
#include <cstdint>

namespace penstock::cli {

class Histogram {
  public:
    void record(std::uint64_t microseconds);
    void merge(const Histogram& other);

    [[nodiscard]] std::uint64_t count() const { return count_; }

    [[nodiscard]] std::uint64_t max() const { return max_; }

    // The smallest recorded bucket's upper edge that `per_mille_tenths` / 10,000 of all values do
    // not exceed: 5000 is the median, 9990 p99.9. 0 when nothing was recorded.
    [[nodiscard]] std::uint64_t percentile(std::uint64_t per_ten_thousand) const;

  private:
    static constexpr std::size_t sub_buckets = 64;
    static constexpr std::size_t powers = 40;

    static std::size_t bucket_of(std::uint64_t microseconds);
    static std::uint64_t edge_of(std::size_t bucket);

    std::array<std::uint64_t, sub_buckets * powers> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace penstock::cli
