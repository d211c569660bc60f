// Random: the only source of randomness. Production asks the kernel (SystemRandom); simulations
// use SeededRandom. One instance belongs to one thread, SystemRandom to any.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

class Random {
  public:
    virtual ~Random() = default;

    // Uniform over all 64-bit values.
    virtual std::uint64_t next() = 0;

    // Uniform in [0, bound); bound > 0.
    std::uint64_t below(std::uint64_t bound);

    // `bytes` random bytes.
    std::string fill(std::size_t bytes);
};

// Unpredictable: suitable for keys and secrets. Aborts if the kernel has no randomness.
class SystemRandom final : public Random {
  public:
    std::uint64_t next() override;
};

// Repeatable from its seed. Never for secrets.
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() override;

  private:
    std::uint64_t state_;
};

}  // namespace penstock
