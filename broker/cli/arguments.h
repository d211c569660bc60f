// Flags that carry a quantity: durations ("90s"), sizes ("64KiB"), times (RFC 3339 or "-1h"). What
// cannot be read is a usage error that shows the form. Used while CLI11 parses, one thread.
#pragma once

#include "broker/cli/failure.h"

#include <CLI/App.hpp>
#include <boost/json/object.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

// Adds a flag whose value, in seconds, milliseconds or bytes, lands in `target` when given.
CLI::Option* add_seconds(CLI::App& command,
                         const std::string& flag,
                         std::optional<std::uint64_t>& target,
                         const std::string& help);
CLI::Option* add_milliseconds(CLI::App& command,
                              const std::string& flag,
                              std::optional<std::uint64_t>& target,
                              const std::string& help);
CLI::Option* add_bytes(CLI::App& command,
                       const std::string& flag,
                       std::optional<std::uint64_t>& target,
                       const std::string& help);
CLI::Option* add_number(CLI::App& command,
                        const std::string& flag,
                        std::optional<std::uint64_t>& target,
                        const std::string& help);

// --if-match: what the verb changes or deletes is still the one that was looked at.
void add_if_match(CLI::App& verb, std::string& etag);

// Whole seconds of "90s"; nothing for other text and for fractions of a second.
std::optional<std::uint64_t> parse_seconds(std::string_view text);

// A point in time: RFC 3339, or a duration before `now_ms` as "-1h".
std::optional<std::int64_t> parse_time_ms(std::string_view text, std::int64_t now_ms);

// --retry: a name, or pauses as "5s,5m,30m"; the value for /v1.
boost::system::result<boost::json::value, Failure> parse_retry(std::string_view text);

// Puts a number in when it was given.
void put(boost::json::object& body,
         std::string_view name,
         const std::optional<std::uint64_t>& value);

}  // namespace penstock::cli
