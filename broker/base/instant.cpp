#include "broker/base/instant.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace penstock {

namespace {

constexpr std::int64_t ms_per_second = 1000;
constexpr std::int64_t ms_per_minute = 60 * ms_per_second;
constexpr std::int64_t ms_per_hour = 60 * ms_per_minute;
constexpr std::int64_t ms_per_day = 24 * ms_per_hour;

// Takes exactly `digits` decimal digits from the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return std::nullopt;
    int value = 0;
    for (const char letter : text.substr(0, digits)) {
        if (letter < '0' || letter > '9') return std::nullopt;
        value = value * 10 + (letter - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char letter) {
    if (text.empty() || text.front() != letter) return false;
    text.remove_prefix(1);
    return true;
}

// Like the two above, for several fields in a row: '9' stands for a digit of the next field.
bool take_fields(std::string_view& text, std::string_view shape, int* fields) {
    while (!shape.empty()) {
        if (shape.front() != '9') {
            if (!take(text, shape.front())) return false;
            shape.remove_prefix(1);
            continue;
        }
        const std::size_t digits = std::min(shape.find_first_not_of('9'), shape.size());
        const auto value = take_number(text, digits);
        if (!value) return false;
        *fields++ = *value;
        shape.remove_prefix(digits);
    }
    return true;
}

std::optional<std::int64_t> take_decimals_ms(std::string_view& text) {
    if (!take(text, '.')) return 0;
    std::int64_t value = 0;
    std::size_t digits = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        if (digits < 3) value = value * 10 + (text.front() - '0');
        ++digits;
        text.remove_prefix(1);
    }
    if (digits == 0) return std::nullopt;
    for (std::size_t at = digits; at < 3; ++at) {
        value *= 10;
    }
    return value;
}

std::optional<std::int64_t> take_offset_ms(std::string_view& text) {
    if (take(text, 'Z') || take(text, 'z')) return 0;
    const bool east = take(text, '+');
    if (!east && !take(text, '-')) return std::nullopt;
    std::array<int, 2> clock{};
    if (!take_fields(text, "99:99", clock.data())) return std::nullopt;
    if (clock[0] > 23 || clock[1] > 59) return std::nullopt;
    const std::int64_t offset = clock[0] * ms_per_hour + clock[1] * ms_per_minute;
    return east ? offset : -offset;
}

}  // namespace

std::string format_instant(std::int64_t unix_ms) {
    using namespace std::chrono;
    const sys_time<milliseconds> time{milliseconds{unix_ms}};
    const auto midnight = floor<days>(time);
    const year_month_day date{midnight};
    const hh_mm_ss clock{time - midnight};
    std::array<char, 40> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                  static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()),
                  static_cast<int>(clock.subseconds().count()));
    return text.data();
}

std::optional<std::int64_t> parse_instant(std::string_view text) {
    using namespace std::chrono;
    std::array<int, 6> fields{};
    if (!take_fields(text, "9999-99-99", fields.data())) return std::nullopt;
    if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return std::nullopt;
    if (!take_fields(text, "99:99:99", fields.data() + 3)) return std::nullopt;
    const auto decimals = take_decimals_ms(text);
    const auto offset = decimals ? take_offset_ms(text) : std::nullopt;
    if (!offset || !text.empty()) return std::nullopt;
    const year_month_day date{year{fields[0]},
                              month{static_cast<unsigned>(fields[1])},
                              day{static_cast<unsigned>(fields[2])}};
    if (!date.ok() || fields[3] > 23 || fields[4] > 59 || fields[5] > 59) return std::nullopt;
    const std::int64_t unix_ms = sys_days{date}.time_since_epoch().count() * ms_per_day +
                                 fields[3] * ms_per_hour + fields[4] * ms_per_minute +
                                 fields[5] * ms_per_second + *decimals - *offset;
    if (unix_ms < 0) return std::nullopt;
    return unix_ms;
}

}  // namespace penstock
