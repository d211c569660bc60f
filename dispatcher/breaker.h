// Breaker: leaves an endpoint alone that fails, and probes it with one real message at a time until
// it answers well. Plain steps on the time it is given (microseconds); owned by a Pace, on the
// dispatcher's thread.
//
//   closed --(5 connections in a row failed, or half of at least 20 attempts)--> open
//   open --(1 s, doubling up to 5 min, each a fifth more or less)--> one probe
//   probe --well--> closed      probe --badly--> open, for longer
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace penstock::dispatcher {

struct BreakerLimits {
    unsigned connections_failed_max = 5;  // in a row
    std::size_t samples_least = 20;
    std::size_t samples_most = 100;           // the newest ones are kept
    std::int64_t sample_us_max = 30'000'000;  // older ones say nothing
    std::int64_t open_us_first = 1'000'000;
    std::int64_t open_us_most = 300'000'000;
    std::int64_t steady_us = 60'000'000;  // closed for so long: the next pause is the first again
};

// What an attempt says of its endpoint.
enum class Sign : std::uint8_t {
    none,  // nothing: it was not tried, or failed for its own sake
    well,
    badly,         // it answered that it cannot
    disconnected,  // it could not be reached, or broke off
};

class Breaker {
  public:
    // `seed`: pauses of different breakers differ.
    explicit Breaker(std::uint64_t seed, const BreakerLimits& limits = {})
        : limits_(limits), seed_(seed) {}

    // Whether an attempt may begin.
    [[nodiscard]] bool lets_through(std::int64_t now_us) const;

    // It begins; true: it is the probe.
    bool on_start(std::int64_t now_us);

    // It ended. `probe` as on_start() said. True: the breaker opened, or opened again.
    bool on_end(Sign sign, bool probe, std::int64_t now_us);

    [[nodiscard]] bool open() const { return open_; }

    // When it lets a probe through; 0 while closed.
    [[nodiscard]] std::int64_t until_us() const { return open_ ? until_us_ : 0; }

  private:
    void sample(Sign sign, std::int64_t now_us);
    [[nodiscard]] bool tripped() const;
    void open_up(std::int64_t now_us);

    BreakerLimits limits_;
    std::uint64_t seed_;
    std::deque<std::pair<std::int64_t, bool>> samples_;  // when, and whether it went badly
    std::size_t bad_ = 0;                                // of them
    unsigned disconnected_ = 0;                          // in a row
    unsigned openings_ = 0;                              // in a row
    bool open_ = false;
    bool probing_ = false;
    std::int64_t until_us_ = 0;
    std::int64_t closed_us_ = 0;  // since when
};

}  // namespace penstock::dispatcher
