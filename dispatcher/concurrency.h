// Concurrency: how many attempts of a subscription may run at a time, between 1 and its own limit.
// After an outage it begins at 1 and grows as any other, also where it is fixed. Plain steps; owned
// by a Pace, on the dispatcher's thread.
//
// AIMD: a success adds 1/limit while the limit is used, an overload takes a third. Gradient follows
// the latency (after Netflix' Gradient2): limit * clamp(1.5 * usual / present, 0.5, 1) +
// sqrt(limit), a fifth of the way each time.
#pragma once

#include "broker/model/push_policy.h"

#include <cstddef>
#include <cstdint>

namespace penstock::dispatcher {

inline constexpr double concurrency_first = 4;

class Concurrency {
  public:
    Concurrency(model::ConcurrencyMode mode, std::uint32_t most);

    // At least 1.
    [[nodiscard]] std::size_t limit() const;

    // An attempt ended well; `in_flight` counts it.
    void on_well(std::int64_t latency_us, std::size_t in_flight);

    // The endpoint had too much: a time-out, 429 or 5xx, no connection.
    void on_overload();

    // The endpoint is back.
    void begin_ramp();

    // It grows after an outage and is not yet what it may be.
    [[nodiscard]] bool ramping() const { return ramping_; }

  private:
    void grow(std::size_t in_flight);
    void follow_latency(std::int64_t latency_us, std::size_t in_flight);

    model::ConcurrencyMode mode_;
    double most_;
    double limit_;
    double present_us_ = 0;  // latency, quickly forgetting
    double usual_us_ = 0;    // latency, slowly forgetting
    bool ramping_ = false;
};

}  // namespace penstock::dispatcher
