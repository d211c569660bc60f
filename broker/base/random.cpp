#include "broker/base/random.h"

#include "broker/base/check.h"
#include "broker/base/hash.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace penstock {

std::uint64_t Random::below(std::uint64_t bound) {
    check(bound > 0, "Random::below wants a positive bound");
    // Values of the incomplete last stripe would favour small results: draw again.
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    std::uint64_t value = next();
    while (value >= limit) value = next();
    return value % bound;
}

std::string Random::fill(std::size_t bytes) {
    std::string out(bytes, '\0');
    for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
        const std::uint64_t word = next();
        std::memcpy(out.data() + at, &word, std::min(sizeof word, bytes - at));
    }
    return out;
}

namespace {

// Drawn from the kernel for one thread: up to 256 bytes come uninterrupted (getrandom(2)), and
// every message that is pushed draws a few.
struct Stock {
    std::array<std::uint64_t, 32> words{};
    std::size_t left = 0;

    std::uint64_t take() {
        if (left == 0) refill();
        return std::exchange(words.at(--left), 0);  // it may become a secret: nothing keeps it
    }

    void refill() {
        ssize_t got = 0;
        do {
            got = ::getrandom(words.data(), sizeof words, 0);
        } while (got < 0 && errno == EINTR);
        check(got == sizeof words, "the kernel gives no random bytes");
        left = words.size();
    }
};

}  // namespace

std::uint64_t SystemRandom::next() {
    thread_local Stock stock;
    return stock.take();
}

std::uint64_t SeededRandom::next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return mix64(state_);
}

}  // namespace penstock
