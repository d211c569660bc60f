// RecentBodies: the bodies written last into one segment, each with its place there, so that a copy
// of it that another set brings need not be written again. Found by checksum and told equal byte by
// byte: clients choose bodies, and a checksum can be met on purpose. Bounded: the oldest go first.
// Owned by the ActiveSegment, broker thread only.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::storage {

// All together, in memory. What is fanned out comes within some turns.
inline constexpr std::size_t recent_bodies_max = 4096;
inline constexpr std::size_t recent_bodies_bytes_max = 4ULL << 20;

// Shorter ones are not worth it.
inline constexpr std::size_t shared_body_bytes_min = 256;

// Sets as bits: those that fall together share less, and nothing else.
constexpr std::uint64_t bit_of(model::SetId set) {
    return std::uint64_t{1} << (set.value % 64U);
}

class RecentBodies {
  public:
    // Where the file has these bytes, written for another set; each set is told of a place once.
    // Nothing: nowhere that is known.
    std::optional<std::uint32_t> take(model::SetId set,
                                      std::uint32_t checksum,
                                      std::string_view bytes);

    // `body` is about to be written at `place`, and stays where it is in memory until keep().
    void note(model::SetId set, std::uint32_t checksum, std::string& body, std::uint64_t place);

    // What was noted is written: the bodies are taken from where they are.
    void keep();

  private:
    struct Recent {
        std::string bytes;
        std::string* noted = nullptr;  // not kept yet: it is there
        std::uint64_t sets = 0;        // that have it, as bits
        std::uint32_t checksum = 0;
        std::uint32_t place = 0;
        std::uint32_t before = 0;  // the one noted before it with as much as the same checksum

        [[nodiscard]] const std::string& body() const { return noted != nullptr ? *noted : bytes; }
    };

    // Bodies are numbered from 1 in the order in which they were noted.
    [[nodiscard]] Recent& at(std::uint32_t number) {
        return bodies_[(number - 1) % recent_bodies_max];
    }

    void forget_first();

    std::vector<Recent> bodies_;       // a ring once there are recent_bodies_max
    std::vector<std::uint32_t> last_;  // by the checksum's lower bits: the last one; 0: none
    std::uint32_t first_ = 1;          // the oldest one that is known
    std::uint32_t next_ = 1;
    std::uint32_t kept_to_ = 1;  // those from here on are noted
    std::size_t bytes_ = 0;
};

}  // namespace penstock::storage
