#include "broker/cli/bench_histogram.h"

#include <algorithm>
#include <bit>

namespace penstock::cli {

// Below 64 each value has its bucket; above, a power of two is cut into 32 to 64 equal parts.
std::size_t Histogram::bucket_of(std::uint64_t microseconds) {
    if (microseconds < sub_buckets) return static_cast<std::size_t>(microseconds);
    const auto shift = static_cast<std::size_t>(std::bit_width(microseconds)) - 6;
    const std::size_t bucket =
        shift * sub_buckets + static_cast<std::size_t>(microseconds >> shift);
    return std::min(bucket, sub_buckets * powers - 1);
}

std::uint64_t Histogram::edge_of(std::size_t bucket) {
    const std::size_t shift = bucket / sub_buckets;
    const std::uint64_t part = bucket % sub_buckets;
    return ((part + 1) << shift) - 1;
}

void Histogram::record(std::uint64_t microseconds) {
    ++buckets_[bucket_of(microseconds)];
    ++count_;
    max_ = std::max(max_, microseconds);
}

void Histogram::merge(const Histogram& other) {
    for (std::size_t at = 0; at < buckets_.size(); ++at) {
        buckets_[at] += other.buckets_[at];
    }
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::percentile(std::uint64_t per_ten_thousand) const {
    const std::uint64_t wanted = (count_ * per_ten_thousand + 9'999) / 10'000;
    std::uint64_t seen = 0;
    for (std::size_t at = 0; at < buckets_.size(); ++at) {
        seen += buckets_[at];
        if (seen != 0 && seen >= wanted) return std::min(edge_of(at), max_);
    }
    return 0;
}

}  // namespace penstock::cli
