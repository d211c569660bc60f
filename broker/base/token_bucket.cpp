#include "broker/base/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace penstock {
namespace {

constexpr double us_per_s = 1'000'000;
// A token that is short of one by no more than this is one: times are whole microseconds.
constexpr double rounding = 1e-6;

}  // namespace

double TokenBucket::tokens_at(std::int64_t now_us) const {
    if (at_us_ == 0) return tokens_;
    const double passed_us = static_cast<double>(std::max<std::int64_t>(0, now_us - at_us_));
    return std::min(most_, tokens_ + rate_per_s_ * passed_us / us_per_s + rounding);
}

void TokenBucket::take(double tokens, std::int64_t now_us) {
    tokens_ = tokens_at(now_us) - tokens;
    at_us_ = now_us;
}

void TokenBucket::add(double tokens, std::int64_t now_us) {
    tokens_ = std::min(most_, tokens_at(now_us) + tokens);
    at_us_ = now_us;
}

double TokenBucket::left(std::int64_t now_us) const {
    return std::max(0.0, tokens_at(now_us));
}

std::int64_t TokenBucket::full_after_us(std::int64_t now_us) const {
    const double missing = most_ - tokens_at(now_us);
    if (missing <= 0) return 0;
    return static_cast<std::int64_t>(std::ceil(missing / rate_per_s_ * us_per_s));
}

std::int64_t TokenBucket::next_us(std::int64_t now_us) const {
    const double missing = 1 - tokens_at(now_us);
    if (missing <= 0) return now_us;
    return now_us + static_cast<std::int64_t>(std::ceil(missing / rate_per_s_ * us_per_s));
}

}  // namespace penstock
