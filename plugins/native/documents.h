// What clients send, as bytes, made into Fields: JSON bodies, query strings, path segments, and
// the opaque cursors of lists. Hostile input ends here. Pure functions, any thread.
#pragma once

#include "broker/model/objects.h"
#include "plugins/native/fields.h"

#include <boost/json/value.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::native {

inline constexpr std::size_t json_depth_max = 32;
inline constexpr std::size_t json_bytes_max = std::size_t{3} * model::message_bytes_most + 65'536;
// A longer body has few values, each of them large: what is read takes little more than the text.
inline constexpr std::size_t json_bytes_usual = 4 * 1024 * 1024;
inline constexpr std::size_t json_values_max = 100'000;
inline constexpr std::size_t query_fields_max = 128;

// A JSON value by the letter, in UTF-8, not nested deeper than json_depth_max and, if it is longer
// than json_bytes_usual, of at most json_values_max values; or why it is none.
boost::system::result<boost::json::value, Problem> parse_json(std::string_view body);

// The values of an object's members, or the items of an array, as pieces of `text` as they are
// written: JSON that parse_json() took. In the order of the text.
std::vector<std::string_view> json_parts(std::string_view text);

// A JSON object with the known fields. An empty body counts as {}. Duplicate names, bytes that are
// not UTF-8, and nesting deeper than json_depth_max are problems.
Fields json_fields(std::string_view body, const std::vector<std::string_view>& known);

// The fields of a query. A name in `repeatable` may come more than once, others only once.
Fields query_fields(std::string_view query,
                    const std::vector<std::string_view>& known,
                    const std::vector<std::string_view>& repeatable = {});

// Undoes %XX (and '+' when `form`); nothing when malformed or not UTF-8.
std::optional<std::string> decode_percent(std::string_view text, bool form);

// Cursors carry one number of one kind of list; anything else is refused. Opaque to clients.
std::string encode_cursor(char kind, std::uint64_t position);
std::optional<std::uint64_t> decode_cursor(char kind, std::string_view cursor);

}  // namespace penstock::plugins::native
