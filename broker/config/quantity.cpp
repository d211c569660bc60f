#include "broker/config/quantity.h"

#include <array>
#include <charconv>
#include <limits>

namespace penstock::config {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first: formatting takes the first that divides.
constexpr std::array<Unit, 5> durations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 5> sizes{{{"TiB", 1ULL << 40U},
                                     {"GiB", 1ULL << 30U},
                                     {"MiB", 1ULL << 20U},
                                     {"KiB", 1ULL << 10U},
                                     {"", 1}}};

template <std::size_t count>
std::optional<std::uint64_t> parse(std::string_view text, const std::array<Unit, count>& units) {
    std::uint64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc()) return std::nullopt;
    const std::string_view unit_name = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const auto& unit : units) {
        if (unit.name != unit_name) continue;
        if (number > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
        return number * unit.factor;
    }
    return std::nullopt;
}

template <std::size_t count>
std::string format(std::uint64_t value, const std::array<Unit, count>& units) {
    for (const auto& unit : units) {
        if (value != 0 && value % unit.factor == 0)
            return std::to_string(value / unit.factor) + std::string(unit.name);
    }
    return "0" + std::string(units.back().name);
}

}  // namespace

std::optional<std::uint64_t> parse_duration_ms(std::string_view text) {
    return parse(text, durations);
}

std::optional<std::uint64_t> parse_size_bytes(std::string_view text) {
    return parse(text, sizes);
}

std::string format_duration_ms(std::uint64_t milliseconds) {
    return format(milliseconds, durations);
}

std::string format_size_bytes(std::uint64_t bytes) {
    return format(bytes, sizes);
}

}  // namespace penstock::config
