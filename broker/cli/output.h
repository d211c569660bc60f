// How answers are printed: an aligned table on a terminal, tab-separated lines otherwise, or JSON
// as asked. What came from elsewhere cannot move the cursor: control characters are escaped
// everywhere but in JSON, which escapes them itself. Pure functions over a stream, any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

enum class Format : std::uint8_t { table, lines, json, ndjson };

// One column of a list. `path` leads to the value, with dots into objects; of several paths
// separated by '|' the first that is there is shown.
struct Column {
    std::string title;
    std::string path;
};

using Columns = std::vector<Column>;

void print_items(std::ostream& out,
                 Format format,
                 const boost::json::array& items,
                 const Columns& columns);

// All fields, one a line.
void print_object(std::ostream& out, Format format, const boost::json::object& object);

// A value as text for people: seconds and bytes with their unit, where the name says what they are.
std::string shown(std::string_view name, const boost::json::value& value);

// The value at a path as text; empty when absent.
std::string at_path(const boost::json::object& object, std::string_view path);

// Control characters and broken UTF-8 as escapes.
std::string escaped(std::string_view text);

}  // namespace penstock::cli
