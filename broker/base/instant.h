// Points in time as people and JSON write them: RFC 3339 in UTC with milliseconds. Pure functions,
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock {

// Unix milliseconds as "2026-01-31T08:05:09.120Z". Years 1970 to 9999.
std::string format_instant(std::int64_t unix_ms);

// "2026-01-31T08:05:09Z", with any number of decimals (cut to ms) and 'Z' or "+08:00"; nothing for
// anything else, dates that do not exist and times before 1970 included.
std::optional<std::int64_t> parse_instant(std::string_view text);

}  // namespace penstock
