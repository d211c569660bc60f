// A build of the time after this one, for the test of upgrades: it knows one format level more, at
// which SendMessages has another tag. Linked instead of broker/model/format.cpp.
#include "broker/model/format.h"

#include <type_traits>
#include <variant>

namespace penstock::model {

namespace {

constexpr std::uint16_t next_level = 5;
constexpr std::uint8_t next_tag = 200;

template <class Wanted, std::size_t At = 0>
consteval std::uint8_t first_tag() {
    if constexpr (std::is_same_v<Wanted, std::variant_alternative_t<At, Command>>) {
        return At + 1;
    } else {
        return first_tag<Wanted, At + 1>();
    }
}

constexpr std::uint8_t old_tag = first_tag<Send>();

}  // namespace

FormatLevels known_formats() {
    return {1, next_level};
}

std::uint8_t written_tag(std::uint8_t tag, std::uint16_t level) {
    return level >= next_level && tag == old_tag ? next_tag : tag;
}

std::uint8_t read_tag(std::uint8_t written, std::uint16_t level) {
    if (level < next_level) return written;
    // The form of before is gone at this level: what still wrote it would be found.
    if (written == old_tag) return 0;
    return written == next_tag ? old_tag : written;
}

}  // namespace penstock::model
