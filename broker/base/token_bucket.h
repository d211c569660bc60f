// TokenBucket: so many a second, and so many at once after a pause. Plain arithmetic on the time it
// is given (microseconds, never falling); its owner's thread, or under its owner's lock.
#pragma once

#include <cstdint>

namespace penstock {

class TokenBucket {
  public:
    // Full at first. `rate_per_s` above 0; `most` at least 1.
    TokenBucket(double rate_per_s, double most)
        : rate_per_s_(rate_per_s), most_(most), tokens_(most) {}

    [[nodiscard]] bool has_one(std::int64_t now_us) const { return tokens_at(now_us) >= 1; }

    // More than there are is a debt, which time pays: has_one() is false until it is paid.
    void take(double tokens, std::int64_t now_us);

    // Adds to what comes with time; never beyond the most.
    void add(double tokens, std::int64_t now_us);

    // What there is; 0 while there is a debt.
    [[nodiscard]] double left(std::int64_t now_us) const;

    // How long until it is as a new one, if nothing more is taken.
    [[nodiscard]] std::int64_t full_after_us(std::int64_t now_us) const;

    // When there will be one.
    [[nodiscard]] std::int64_t next_us(std::int64_t now_us) const;

    // Nothing was taken that time has not brought back: it is as a new one.
    [[nodiscard]] bool full(std::int64_t now_us) const { return tokens_at(now_us) >= most_; }

  private:
    [[nodiscard]] double tokens_at(std::int64_t now_us) const;

    double rate_per_s_;
    double most_;
    double tokens_;
    std::int64_t at_us_ = 0;  // when `tokens_` was counted; 0: not yet asked
};

}  // namespace penstock
