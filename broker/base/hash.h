// Small hash functions: CRC32C for stored bytes, mix64 for jitter and seeds, and a keyed 64-bit
// permutation for receipts. Pure functions, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace penstock {

// CRC32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`, continuing from `seed` (0 to begin).
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

// The same by table, for processors without the instruction and for comparing the two.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t seed = 0);

// Finaliser of splitmix64: spreads every input bit over the whole word.
constexpr std::uint64_t mix64(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31);
}

// Order-dependent 64-bit hash of bytes, for chains and jitter; not for untrusted hash tables.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

// SipHash-2-4 (Aumasson and Bernstein, 2012) of `bytes` under a 128-bit key.
using SipKey = std::array<std::uint64_t, 2>;
std::uint64_t siphash(const SipKey& key, std::string_view bytes);

// A permutation of the 64-bit numbers chosen by `key` (Feistel network over SipHash): without the
// key neither direction can be guessed. `open` undoes `seal`.
class Permutation64 {
  public:
    explicit Permutation64(const SipKey& key) : key_(key) {}

    [[nodiscard]] std::uint64_t seal(std::uint64_t value) const;
    [[nodiscard]] std::uint64_t open(std::uint64_t value) const;

  private:
    SipKey key_;
};

}  // namespace penstock
