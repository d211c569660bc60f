#include "broker/cli/output.h"

#include "broker/api/names.h"
#include "broker/config/quantity.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::size_t cell_chars_max = 72;

// The fields of /v1 that hold seconds and bytes.
constexpr std::array<std::string_view, 5> seconds_fields = {
    "visibility", "retention", "rewind", "poll", "time_to_live"};
constexpr std::array<std::string_view, 3> bytes_fields = {"max_size", "log_bytes", "rows_bytes"};

// And those that hold PEM, which is for machines: `certificates` tells what is in it.
constexpr std::array<std::string_view, 2> pem_fields = {"ca", "client_cert"};

template <std::size_t count>
bool among(const std::array<std::string_view, count>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<std::uint64_t> number_in(const json::value& value) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0) {
        return static_cast<std::uint64_t>(value.get_int64());
    }
    return std::nullopt;
}

const json::value* find(const json::object& object, std::string_view path) {
    const auto dot = path.find('.');
    const json::value* value = object.if_contains(path.substr(0, dot));
    if (value == nullptr || value->is_null()) return nullptr;
    if (dot == std::string_view::npos) return value;
    return value->is_object() ? find(value->get_object(), path.substr(dot + 1)) : nullptr;
}

// Characters on a terminal, near enough: code points.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

std::string cut(std::string text) {
    if (width(text) <= cell_chars_max) return text;
    std::size_t chars = 0;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        if ((text[at] & 0xC0) != 0x80 && ++chars == cell_chars_max) break;
    }
    return text.substr(0, at) + "…";
}

std::vector<std::string> cells_of(const json::object& item, const Columns& columns) {
    std::vector<std::string> cells;
    for (const auto& column : columns) {
        cells.push_back(at_path(item, column.path));
    }
    return cells;
}

void print_lines(std::ostream& out, const json::array& items, const Columns& columns) {
    for (const auto& item : items) {
        const auto cells = cells_of(item.get_object(), columns);
        for (std::size_t at = 0; at < cells.size(); ++at) {
            out << (at == 0 ? "" : "\t") << escaped(cells[at]);
        }
        out << "\n";
    }
}

void print_aligned(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows) {
        for (std::size_t at = 0; at < row.size(); ++at) {
            widths[at] = std::max(widths[at], width(row[at]));
        }
    }
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t at = 0; at < row.size(); ++at) {
            line += row[at];
            if (at + 1 < row.size()) line.append(widths[at] - width(row[at]) + 2, ' ');
        }
        out << line << "\n";
    }
}

void print_table(std::ostream& out, const json::array& items, const Columns& columns) {
    std::vector<std::vector<std::string>> rows(1);
    for (const auto& column : columns) {
        rows.front().push_back(column.title);
    }
    for (const auto& item : items) {
        auto cells = cells_of(item.get_object(), columns);
        for (auto& cell : cells) {
            cell = cell.empty() ? "-" : cut(escaped(cell));
        }
        rows.push_back(std::move(cells));
    }
    print_aligned(out, rows);
}

std::uint64_t number_at(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value == nullptr ? 0 : number_in(*value).value_or(0);
}

// A retry policy's steps as people write them: "10s-20s x3,5m".
std::string shown_steps(const json::array& steps) {
    std::string out;
    for (const auto& item : steps) {
        if (!item.is_object()) continue;
        const auto& step = item.get_object();
        const std::uint64_t min_ms = number_at(step, "min_ms");
        const std::uint64_t max_ms = number_at(step, "max_ms");
        const std::uint64_t times = number_at(step, "times");
        if (!out.empty()) out += ",";
        out += config::format_duration_ms(min_ms);
        if (max_ms != min_ms) out += "-" + config::format_duration_ms(max_ms);
        if (times != 1) out += " x" + std::to_string(times);
    }
    return out;
}

void flatten(const json::object& object,
             const std::string& prefix,
             std::vector<std::vector<std::string>>& rows) {
    for (const auto& [key, value] : object) {
        const std::string name = prefix + std::string(key.data(), key.size());
        if (value.is_object()) {
            flatten(value.get_object(), name + ".", rows);
        } else {
            rows.push_back({name, escaped(shown({key.data(), key.size()}, value))});
        }
    }
}

}  // namespace

std::string escaped(std::string_view text) {
    const bool whole = api::valid_utf8(text);
    std::string out;
    for (const char byte : text) {
        const auto code = static_cast<unsigned char>(byte);
        if (byte == '\n') {
            out += "\\n";
        } else if (byte == '\t') {
            out += "\\t";
        } else if (byte == '\r') {
            out += "\\r";
        } else if (code < 0x20 || code == 0x7F || (!whole && code >= 0x80)) {
            std::array<char, 5> hex{};
            std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(code));
            out += hex.data();
        } else {
            out.push_back(byte);
        }
    }
    return out;
}

// "0" and "12.5": JSON's own spelling, 0E0 and 1.25E1, is for machines.
std::string shown_fraction(double number) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.6g", number);
    return text.data();
}

std::string shown(std::string_view name, const json::value& value) {
    const auto number = number_in(value);
    if (number == 0U && among(seconds_fields, name)) return "0s";
    if (number && among(seconds_fields, name)) return config::format_duration_ms(*number * 1000);
    if (number && among(bytes_fields, name)) return config::format_size_bytes(*number);
    if (value.is_string() && among(pem_fields, name)) return "(PEM, with -o json)";
    if (value.is_string()) return {value.get_string().data(), value.get_string().size()};
    if (value.is_null()) return "none";
    if (value.is_double()) return shown_fraction(value.get_double());
    if (!value.is_array()) return json::serialize(value);
    if (name == "steps") return shown_steps(value.get_array());
    std::string joined;
    for (const auto& item : value.get_array()) {
        if (!joined.empty()) joined += ",";
        joined += item.is_string() ? shown({}, item) : json::serialize(item);
    }
    return joined;
}

std::string at_path(const json::object& object, std::string_view path) {
    while (!path.empty()) {
        const std::string_view one = path.substr(0, path.find('|'));
        path.remove_prefix(std::min(path.size(), one.size() + 1));
        if (const auto* value = find(object, one)) {
            const auto dot = one.rfind('.');
            return shown(dot == std::string_view::npos ? one : one.substr(dot + 1), *value);
        }
    }
    return {};
}

void print_items(std::ostream& out,
                 Format format,
                 const json::array& items,
                 const Columns& columns) {
    switch (format) {
        case Format::json:
            out << json::serialize(items) << "\n";
            break;
        case Format::ndjson:
            for (const auto& item : items) {
                out << json::serialize(item) << "\n";
            }
            break;
        case Format::lines:
            print_lines(out, items, columns);
            break;
        case Format::table:
            print_table(out, items, columns);
            break;
    }
    out.flush();
}

void print_object(std::ostream& out, Format format, const json::object& object) {
    if (format == Format::json || format == Format::ndjson) {
        out << json::serialize(object) << "\n";
    } else {
        std::vector<std::vector<std::string>> rows;
        flatten(object, "", rows);
        if (format == Format::table && !rows.empty()) {
            print_aligned(out, rows);
        } else {
            for (const auto& row : rows) {
                out << row[0] << "\t" << row[1] << "\n";
            }
        }
    }
    out.flush();
}

}  // namespace penstock::cli
