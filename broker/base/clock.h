// Clock: the only source of time. Production uses SystemClock, tests a manual one.
// Implementations are safe to call from any thread.
#pragma once

#include <cstdint>

namespace penstock {

class Clock {
  public:
    virtual ~Clock() = default;

    // Unix time in milliseconds; may jump. Only for stamping entries and for showing to people.
    [[nodiscard]] virtual std::int64_t wall_ms() const = 0;

    // Monotonic microseconds from an arbitrary origin; for deadlines and latencies.
    [[nodiscard]] virtual std::int64_t steady_us() const = 0;
};

class SystemClock final : public Clock {
  public:
    [[nodiscard]] std::int64_t wall_ms() const override;
    [[nodiscard]] std::int64_t steady_us() const override;
};

}  // namespace penstock
