#include "plugins/cmq_http/parameters.h"

#include "broker/api/names.h"
#include "plugins/cmq_http/multipart.h"

#include <algorithm>
#include <optional>

namespace penstock::plugins::cmq {

namespace {

constexpr std::size_t parameters_max = 256;
constexpr std::size_t name_chars_max = 64;
constexpr std::size_t index_digits_max = 3;

int hex_value(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

// Nothing when a '%' is not followed by two hexadecimal digits. Byte by byte into room made at
// once: this sees every byte of every message sent.
std::optional<std::string> decode(std::string_view text) {
    std::string out(text.size(), '\0');
    std::size_t length = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        char byte = text[at];
        if (byte == '+') byte = ' ';
        if (byte == '%') {
            const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
            const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
            if (high < 0 || low < 0) return std::nullopt;
            byte = static_cast<char>(high * 16 + low);
            at += 2;
        }
        out[length++] = byte;
    }
    out.resize(length);
    return out;
}

bool is_name_char(char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '.' || byte == '_' || byte == '-';
}

// One Go client puts a space behind some names.
std::string_view trimmed(std::string_view name) {
    while (name.ends_with(' ')) name.remove_suffix(1);
    return name;
}

bool is_name(std::string_view sent) {
    const std::string_view name = trimmed(sent);
    return !name.empty() && sent.size() <= name_chars_max &&
           std::all_of(name.begin(), name.end(), is_name_char);
}

// A malformed name as it may be shown: printable ASCII, short.
std::string shown(std::string_view name) {
    std::string out(name.substr(0, name_chars_max));
    const auto hidden = [](char byte) {
        return byte < ' ' || byte > '~';
    };
    std::replace_if(out.begin(), out.end(), hidden, '?');
    return out;
}

// The n of "name.n": decimal digits without leading zeros.
std::optional<unsigned> parse_index(std::string_view text) {
    if (text.empty() || text.size() > index_digits_max) return std::nullopt;
    if (text.front() == '0' && text.size() > 1) return std::nullopt;
    unsigned index = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') return std::nullopt;
        index = index * 10 + static_cast<unsigned>(digit - '0');
    }
    return index;
}

bool by_name(const Parameters::Parameter& left, const Parameters::Parameter& right) {
    return left.first < right.first;
}

}  // namespace

Failure Parameters::parse(std::string_view form) {
    while (!form.empty()) {
        const auto pair = form.substr(0, form.find('&'));
        form.remove_prefix(std::min(form.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        auto value = decode(pair.substr(std::min(equals + 1, pair.size())));
        Failure failure = add(decode(pair.substr(0, equals)), std::move(value));
        if (!failure.none()) return failure;
    }
    return sort();
}

Failure Parameters::parse_parts(std::string_view body, std::string_view boundary) {
    const auto parts = read_parts(body, boundary, parameters_max);
    if (!parts) return {faults::value_malformed, {}};
    for (const Part& part : *parts) {
        Failure failure = add(std::string(part.name), std::string(part.value));
        if (!failure.none()) return failure;
    }
    return sort();
}

Failure Parameters::add(std::optional<std::string> name, std::optional<std::string> value) {
    if (sorted_.size() == parameters_max) return {faults::value_malformed, {}};
    if (!name || !is_name(*name)) {
        return {faults::key_malformed, shown(name.value_or(std::string()))};
    }
    if (!value || !api::valid_utf8(*value)) return {faults::value_malformed, {}};
    sorted_.emplace_back(std::move(*name), std::move(*value));
    return {};
}

Failure Parameters::sort() {
    std::sort(sorted_.begin(), sorted_.end(), by_name);
    const auto twice = std::adjacent_find(
        sorted_.begin(), sorted_.end(), [](const Parameter& left, const Parameter& right) {
            return trimmed(left.first) == trimmed(right.first);
        });
    if (twice != sorted_.end()) return {faults::repeated, std::string(trimmed(twice->first))};
    return {};
}

Parameters Parameters::of(std::vector<Parameter> parameters) {
    Parameters made;
    made.sorted_ = std::move(parameters);
    std::sort(made.sorted_.begin(), made.sorted_.end(), by_name);
    return made;
}

const std::string* Parameters::find(std::string_view name) const {
    const auto found =
        std::find_if(sorted_.begin(), sorted_.end(), [name](const Parameter& parameter) {
            return trimmed(parameter.first) == name;
        });
    return found == sorted_.end() ? nullptr : &found->second;
}

std::vector<Parameters::Item> Parameters::items(std::string_view name) const {
    std::vector<Item> found;
    for (const Parameter& parameter : sorted_) {
        const std::string_view full = trimmed(parameter.first);
        if (!full.starts_with(name) || full.size() <= name.size() || full[name.size()] != '.') {
            continue;
        }
        const auto index = parse_index(full.substr(name.size() + 1));
        if (index) found.push_back({*index, &parameter});
    }
    std::sort(found.begin(), found.end(), [](const Item& left, const Item& right) {
        return left.index < right.index;
    });
    return found;
}

}  // namespace penstock::plugins::cmq
