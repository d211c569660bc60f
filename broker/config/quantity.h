// Quantities as people write them: durations ("90s", "15m", "2h", "3d", "250ms") and sizes
// ("64KiB", "1GiB", "512"). Pure functions, any thread; what is not exactly of that form is
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::config {

std::optional<std::uint64_t> parse_duration_ms(std::string_view text);
std::optional<std::uint64_t> parse_size_bytes(std::string_view text);

// The shortest text that parses back to the same value.
std::string format_duration_ms(std::uint64_t milliseconds);
std::string format_size_bytes(std::uint64_t bytes);

}  // namespace penstock::config
