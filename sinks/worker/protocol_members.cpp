#include "sinks/worker/protocol_members.h"

#include "broker/base/base64.h"

#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <cmath>
#include <limits>

namespace penstock::sinks::worker {
namespace {

namespace json = boost::json;

constexpr double exact_whole_max = 9'007'199'254'740'992.0;  // 2^53

std::string copied(const json::string& text) {
    return {text.data(), text.size()};
}

// Whole numbers, also as 5.0: some encoders write them so.
std::optional<std::int64_t> whole(const json::value& value) {
    if (const auto* number = value.if_int64()) return *number;
    const auto* number = value.if_double();
    if (number == nullptr || std::abs(*number) > exact_whole_max) return std::nullopt;
    if (std::trunc(*number) != *number) return std::nullopt;
    return static_cast<std::int64_t>(*number);
}

// Just after the string, array, object or word that begins at `at`.
std::size_t value_end(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    bool quoted = false;
    for (; at < text.size(); ++at) {
        const char byte = text[at];
        if (quoted) {
            if (byte == '\\') ++at;
            if (byte != '"') continue;
            quoted = false;
            if (depth == 0) return at + 1;
        } else if (byte == '"') {
            quoted = true;
        } else if (byte == '{' || byte == '[') {
            ++depth;
        } else if (byte == '}' || byte == ']') {
            if (depth <= 1) return depth == 0 ? at : at + 1;
            --depth;
        } else if (depth == 0 && (byte == ',' || byte == ':' || byte <= ' ')) {
            return at;
        }
    }
    return at;
}

}  // namespace

std::optional<json::object> parse_object(std::string_view text, ParseMemory& memory) {
    json::parse_options options;
    options.max_depth = json_depth_max;
    json::parser parser(memory.storage(), options, memory.scratch(), memory.scratch_size());
    parser.reset(memory.storage());
    boost::system::error_code failure;
    parser.write(text.data(), text.size(), failure);
    if (failure) return std::nullopt;
    json::value value = parser.release();
    if (!value.is_object()) return std::nullopt;
    return std::move(value.get_object());
}

std::string raw_member(std::string_view text, std::string_view name, const json::value& value) {
    const std::string quoted = '"' + std::string(name) + '"';
    std::optional<std::string_view> found;
    for (std::size_t at = text.find('{') + 1; at < text.size() && text[at] != '}';) {
        if (text[at] == ',' || text[at] <= ' ') {
            ++at;
            continue;
        }
        const std::size_t key_end = value_end(text, at);
        const std::string_view key = text.substr(at, key_end - at);
        const std::size_t begin = text.find_first_not_of(" \t\r\n:", key_end);
        if (begin == std::string_view::npos) break;
        at = value_end(text, begin);
        if (key == quoted) found = text.substr(begin, at - begin);
    }
    return found ? std::string(*found) : json::serialize(value);  // a name written with escapes
}

std::vector<std::string> raw_items(std::string_view text) {
    std::vector<std::string> items;
    for (std::size_t at = text.find('[') + 1; at < text.size() && text[at] != ']';) {
        if (text[at] == ',' || text[at] <= ' ') {
            ++at;
            continue;
        }
        const std::size_t end = value_end(text, at);
        items.emplace_back(text.substr(at, end - at));
        at = end;
    }
    return items;
}

const json::value* Members::find(std::string_view name) const {
    const auto* value = object_.if_contains(json::string_view(name.data(), name.size()));
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Members::text(std::string_view name) {
    const auto* value = find(name);
    if (value == nullptr) return {};
    if (const auto* found = value->if_string()) return copied(*found);
    wrong(name, "must be a text");
    return {};
}

std::string Members::needed_text(std::string_view name) {
    std::string found = text(name);
    if (found.empty()) wrong(name, "is missing or empty");
    return found;
}

bool Members::boolean(std::string_view name) {
    const auto* value = find(name);
    if (value == nullptr) return false;
    if (const auto* found = value->if_bool()) return *found;
    wrong(name, "must be true or false");
    return false;
}

std::int64_t Members::integer(std::string_view name) {
    const auto* value = find(name);
    if (value == nullptr) return 0;
    if (const auto found = whole(*value)) return *found;
    wrong(name, "must be a whole number");
    return 0;
}

std::uint64_t Members::count(std::string_view name, std::uint64_t most, std::uint64_t absent) {
    const auto* value = find(name);
    if (value == nullptr) return absent;
    const auto found = whole(*value);
    if (value->is_uint64() && value->get_uint64() <= most) return value->get_uint64();
    if (found && *found >= 0 && static_cast<std::uint64_t>(*found) <= most)
        return static_cast<std::uint64_t>(*found);
    wrong(name, "must be a whole number from 0 to " + std::to_string(most));
    return absent;
}

std::vector<std::string> Members::texts(std::string_view name) {
    const auto* value = find(name);
    std::vector<std::string> found;
    if (value == nullptr) return found;
    if (!value->is_array()) wrong(name, "must be a list of texts");
    if (!value->is_array()) return found;
    for (const auto& item : value->get_array()) {
        if (item.is_string()) {
            found.push_back(copied(item.get_string()));
        } else {
            wrong(name, "must be a list of texts");
        }
    }
    return found;
}

std::vector<std::pair<std::string, std::string>> Members::text_pairs(std::string_view name) {
    const auto* value = find(name);
    std::vector<std::pair<std::string, std::string>> found;
    if (value == nullptr) return found;
    if (!value->is_object()) wrong(name, "must be an object of texts");
    if (!value->is_object()) return found;
    for (const auto& item : value->get_object()) {
        if (item.value().is_string()) {
            const auto key = item.key();
            found.emplace_back(std::string(key.data(), key.size()),
                               copied(item.value().get_string()));
        } else {
            wrong(name, "must be an object of texts");
        }
    }
    return found;
}

std::string Members::bytes(std::string_view name) {
    const std::string encoded_name = std::string(name) + "_base64";
    if (!has(encoded_name)) return text(name);
    if (has(name)) wrong(encoded_name, "excludes \"" + std::string(name) + "\"");
    auto decoded = decode_base64(text(encoded_name));
    if (!decoded) wrong(encoded_name, "is no base64");
    return decoded ? std::move(*decoded) : std::string{};
}

void Members::wrong(std::string_view name, std::string_view what) {
    if (problem_.empty()) problem_ = '"' + std::string(name) + "\" " + std::string(what);
}

}  // namespace penstock::sinks::worker
