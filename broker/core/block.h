// Block: a bitmap of as many sequences as one row covers, as words, so that searching and coding
// cost words and runs, not bits. Values, any thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace penstock::core {

class Block {
  public:
    static constexpr std::size_t bits = 4096;
    static constexpr std::size_t word_bits = 64;
    using Words = std::array<std::uint64_t, bits / word_bits>;

    [[nodiscard]] bool has(std::size_t bit) const {
        return (words_[bit / word_bits] >> (bit % word_bits) & 1U) != 0;
    }

    void set(std::size_t bit) { words_[bit / word_bits] |= std::uint64_t{1} << (bit % word_bits); }

    // Sets [first, end).
    void set_range(std::size_t first, std::size_t end) {
        for (; first < end && first % word_bits != 0; ++first) set(first);
        for (; first + word_bits <= end; first += word_bits) words_[first / word_bits] = ~0ULL;
        for (; first < end; ++first) set(first);
    }

    // First bit at or above `from` that is set; `bits` when none is.
    [[nodiscard]] std::size_t next_set(std::size_t from) const { return search(from, 0); }

    // First bit at or above `from` that is not set; `bits` when all are.
    [[nodiscard]] std::size_t next_clear(std::size_t from) const { return search(from, ~0ULL); }

    // Takes out what `other` has.
    void remove(const Block& other) {
        for (std::size_t at = 0; at < words_.size(); ++at) words_[at] &= ~other.words_[at];
    }

    // Adds what `other` has; keeps only what it has.
    void add(const Block& other) {
        for (std::size_t at = 0; at < words_.size(); ++at) words_[at] |= other.words_[at];
    }

    void keep(const Block& other) {
        for (std::size_t at = 0; at < words_.size(); ++at) words_[at] &= other.words_[at];
    }

    // How many are set.
    [[nodiscard]] std::size_t count() const {
        std::size_t total = 0;
        for (const std::uint64_t word : words_) {
            total += static_cast<std::size_t>(std::popcount(word));
        }
        return total;
    }

    [[nodiscard]] const Words& words() const { return words_; }

    Words& words() { return words_; }

    friend bool operator==(const Block&, const Block&) = default;

  private:
    // First bit at or above `from` that differs from `flip`'s.
    [[nodiscard]] std::size_t search(std::size_t from, std::uint64_t flip) const {
        if (from >= bits) return bits;
        std::size_t at = from / word_bits;
        std::uint64_t word = (words_[at] ^ flip) & (~0ULL << (from % word_bits));
        while (word == 0) {
            if (++at == words_.size()) return bits;
            word = words_[at] ^ flip;
        }
        return at * word_bits + static_cast<std::size_t>(std::countr_zero(word));
    }

    Words words_{};
};

}  // namespace penstock::core
