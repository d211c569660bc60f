#include "plugins/native/documents.h"

#include "broker/api/names.h"
#include "broker/base/base64.h"
#include "broker/model/ids.h"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <utility>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;

// Counts members and values as written. Boost.JSON's own tree keeps only the last of equal names,
// so a difference between the two counts of members betrays duplicates.
struct MemberCounter {
    static constexpr std::size_t max_object_size = json_bytes_max;
    static constexpr std::size_t max_array_size = json_bytes_max;
    static constexpr std::size_t max_key_size = json_bytes_max;
    static constexpr std::size_t max_string_size = json_bytes_max;

    using Code = boost::system::error_code;
    using Text = json::string_view;
    std::size_t members = 0;
    std::size_t values = 0;

    bool count() {
        ++values;
        return true;
    }

    bool on_document_begin(Code&) { return true; }

    bool on_document_end(Code&) { return true; }

    bool on_object_begin(Code&) { return count(); }

    bool on_object_end(std::size_t count, Code&) {
        members += count;
        return true;
    }

    bool on_array_begin(Code&) { return count(); }

    bool on_array_end(std::size_t, Code&) { return true; }

    bool on_key_part(Text, std::size_t, Code&) { return true; }

    bool on_key(Text, std::size_t, Code&) { return true; }

    bool on_string_part(Text, std::size_t, Code&) { return true; }

    bool on_string(Text, std::size_t, Code&) { return count(); }

    bool on_number_part(Text, Code&) { return true; }

    bool on_int64(std::int64_t, Text, Code&) { return count(); }

    bool on_uint64(std::uint64_t, Text, Code&) { return count(); }

    bool on_double(double, Text, Code&) { return count(); }

    bool on_bool(bool, Code&) { return count(); }

    bool on_null(Code&) { return count(); }

    bool on_comment_part(Text, Code&) { return true; }

    bool on_comment(Text, Code&) { return true; }
};

std::size_t members_of(const json::value& value) {
    std::size_t members = 0;
    if (const auto* object = value.if_object()) {
        members += object->size();
        for (const auto& [name, item] : *object) {
            members += members_of(item);
        }
    } else if (const auto* array = value.if_array()) {
        for (const auto& item : *array) {
            members += members_of(item);
        }
    }
    return members;
}

Problem malformed(std::string code, std::string detail, unsigned status = 400) {
    Problem problem;
    problem.status = status;
    problem.code = std::move(code);
    problem.detail = std::move(detail);
    return problem;
}

json::parse_options strictly() {
    json::parse_options options;
    options.max_depth = json_depth_max;
    return options;
}

// The closing quote of the string that opens at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
    }
    return at;
}

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

std::optional<unsigned> hex_digit(char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return std::nullopt;
}

// Adds one pair to `values`; a further one of the same name makes a list.
bool add(json::object& values, std::string_view name, std::string value, bool repeatable) {
    json::value* present = values.if_contains(name);
    if (present == nullptr) {
        values.emplace(name, std::move(value));
        return true;
    }
    if (!repeatable) return false;
    if (!present->is_array()) *present = json::array{std::move(*present)};
    present->get_array().emplace_back(std::move(value));
    return true;
}

}  // namespace

boost::system::result<json::value, Problem> parse_json(std::string_view body) {
    if (body.size() > json_bytes_max) {
        return malformed(
            "body_too_large",
            "A JSON body may have at most " + std::to_string(json_bytes_max) + " bytes.",
            413);
    }
    boost::system::error_code failure;
    if (body.size() > json_bytes_usual) {
        json::basic_parser<MemberCounter> counter(strictly());
        counter.write_some(false, body.data(), body.size(), failure);
        if (counter.handler().values > json_values_max) {
            return malformed("invalid_json",
                             "JSON of more than " + std::to_string(json_bytes_usual) +
                                 " bytes may have at most " + std::to_string(json_values_max) +
                                 " values.");
        }
        failure = {};
    }
    json::value value = json::parse(body, failure, {}, strictly());
    if (failure == json::error::too_deep) {
        return malformed(
            "invalid_json",
            "The JSON is nested deeper than " + std::to_string(json_depth_max) + " levels.");
    }
    if (failure) {
        return malformed("invalid_json",
                         "The body is not JSON in UTF-8: " + failure.message() + ".");
    }
    return value;
}

std::vector<std::string_view> json_parts(std::string_view text) {
    std::vector<std::string_view> parts;
    std::size_t depth = 0;
    std::size_t begin = 0;
    const auto end_part = [&](std::size_t end) {
        const std::string_view part = without_blanks(text.substr(begin, end - begin));
        if (!part.empty()) parts.push_back(part);
        begin = end + 1;
    };
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char letter = text[at];
        if (letter == '"') at = end_of_string(text, at);
        const bool opens = letter == '{' || letter == '[';
        const bool closes = letter == '}' || letter == ']';
        const bool outermost = depth == 1 && !opens;
        if (opens) ++depth;
        if (closes) --depth;
        if ((opens && depth == 1) || (outermost && letter == ':')) begin = at + 1;
        if (outermost && (closes || letter == ',')) end_part(at);
    }
    return parts;
}

Fields json_fields(std::string_view body, const std::vector<std::string_view>& known) {
    if (body.empty()) return Fields(Fields::Source::json, {}, known);
    auto value = parse_json(body);
    if (!value) return Fields(value.error());
    if (!value->is_object()) {
        return Fields(malformed("invalid_json", "The body must be a JSON object."));
    }
    json::basic_parser<MemberCounter> counter(strictly());
    boost::system::error_code failure;
    counter.write_some(false, body.data(), body.size(), failure);
    if (counter.handler().members != members_of(*value)) {
        return Fields(malformed("invalid_json", "A field of the JSON body is named twice."));
    }
    return Fields(Fields::Source::json, std::move(value->get_object()), known);
}

Fields query_fields(std::string_view query,
                    const std::vector<std::string_view>& known,
                    const std::vector<std::string_view>& repeatable) {
    json::object values;
    std::size_t count = 0;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        if (pair.empty()) continue;
        if (++count > query_fields_max) {
            return Fields(malformed(
                "invalid_query",
                "The query may have at most " + std::to_string(query_fields_max) + " fields."));
        }
        const std::size_t equals = std::min(pair.find('='), pair.size());
        auto name = decode_percent(pair.substr(0, equals), true);
        auto value = decode_percent(pair.substr(std::min(equals + 1, pair.size())), true);
        if (!name || !value) {
            return Fields(malformed("invalid_query", "The query is not percent-encoded UTF-8."));
        }
        const bool again =
            std::find(repeatable.begin(), repeatable.end(), *name) != repeatable.end();
        if (!add(values, *name, std::move(*value), again)) {
            return Fields(invalid_parameter(*name, "'" + *name + "': is there twice."));
        }
    }
    return Fields(Fields::Source::query, std::move(values), known);
}

std::optional<std::string> decode_percent(std::string_view text, bool form) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (form && text[at] == '+') {
            out.push_back(' ');
        } else if (text[at] != '%') {
            out.push_back(text[at]);
        } else {
            if (text.size() - at < 3) return std::nullopt;
            const auto high = hex_digit(text[at + 1]);
            const auto low = hex_digit(text[at + 2]);
            if (!high || !low) return std::nullopt;
            out.push_back(static_cast<char>(*high * 16 + *low));
            at += 2;
        }
    }
    if (!api::valid_utf8(out)) return std::nullopt;
    return out;
}

std::string encode_cursor(char kind, std::uint64_t position) {
    std::string text = encode_base64(std::string(1, kind) + ":" + std::to_string(position));
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    while (text.ends_with('=')) {
        text.pop_back();
    }
    return text;
}

std::optional<std::uint64_t> decode_cursor(char kind, std::string_view cursor) {
    constexpr std::size_t cursor_bytes_max = 64;
    if (cursor.size() > cursor_bytes_max) return std::nullopt;
    std::string text(cursor);
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    text.append((4 - text.size() % 4) % 4, '=');
    const auto plain = decode_base64(text);
    if (!plain || plain->size() < 3 || (*plain)[0] != kind || (*plain)[1] != ':') {
        return std::nullopt;
    }
    const auto position = model::parse_decimal(std::string_view(*plain).substr(2));
    // Base64 has several spellings of the same bytes; a cursor has one.
    if (!position || encode_cursor(kind, *position) != cursor) return std::nullopt;
    return position;
}

}  // namespace penstock::plugins::native
