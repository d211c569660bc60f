#include "plugins/native/fields.h"

#include "broker/base/instant.h"
#include "broker/base/nearest.h"
#include "broker/model/ids.h"
#include "plugins/native/views.h"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;

constexpr std::size_t near_distance_max = 3;
constexpr std::size_t shown_name_bytes_max = 64;

std::string joined(const std::vector<std::string_view>& names) {
    std::string text;
    for (const auto& name : names) {
        if (!text.empty()) text += ", ";
        text += name;
    }
    return text;
}

bool is_control(char byte) {
    return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F;
}

std::string between(Range range) {
    const std::string text = std::to_string(range.min) + " to " + std::to_string(range.max);
    return range.unit.empty() ? text : text + " " + std::string(range.unit);
}

}  // namespace

// A word shares too much with any other one of three letters to have meant it.
std::string_view nearest_name(std::string_view name, const std::vector<std::string_view>& known) {
    if (name.size() > shown_name_bytes_max) return {};
    return nearest(name, known, std::clamp<std::size_t>(name.size() / 2, 1, near_distance_max));
}

Fields::Fields(Source source,
               json::object values,
               const std::vector<std::string_view>& known,
               std::string prefix)
    : source_(source), values_(std::move(values)), prefix_(std::move(prefix)) {
    for (const auto& [key, value] : values_) {
        const std::string_view name(key.data(), key.size());
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        const std::string_view near = nearest_name(name, known);
        std::string detail = "There is no such field. ";
        if (!near.empty()) detail += "Did you mean '" + prefix_ + std::string(near) + "'? ";
        detail += known.empty() ? "None is allowed here." : "Allowed: " + joined(known) + ".";
        refuse(readable(name.substr(0, shown_name_bytes_max)), std::move(detail));
        return;
    }
}

void Fields::refuse(std::string_view name, std::string detail) {
    if (problem_) return;
    const std::string full = prefix_ + std::string(name);
    problem_ = invalid_parameter(full, "'" + full + "': " + std::move(detail));
}

void Fields::adopt(const Fields& nested) {
    if (!problem_ && nested.problem_) problem_ = nested.problem_;
}

const json::value* Fields::raw(std::string_view name) const {
    return problem_ ? nullptr : values_.if_contains(name);
}

// Absent and null are alike for the typed readers; is_null tells them apart where it matters.
const json::value* Fields::find(std::string_view name) const {
    const json::value* value = raw(name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

bool Fields::is_null(std::string_view name) const {
    const json::value* value = raw(name);
    return value != nullptr && value->is_null();
}

std::optional<std::uint64_t> Fields::whole(std::string_view name, Range range) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    std::optional<std::uint64_t> number;
    if (source_ == Source::query && value->is_string()) {
        const auto& digits = value->get_string();
        number = model::parse_decimal({digits.data(), digits.size()});
    } else if (value->is_uint64()) {
        number = value->get_uint64();
    } else if (value->is_int64() && value->get_int64() >= 0) {
        number = static_cast<std::uint64_t>(value->get_int64());
    }
    if (!number || *number < range.min || *number > range.max) {
        refuse(name, "must be a whole number from " + between(range) + ".");
        return std::nullopt;
    }
    return number;
}

std::optional<std::uint32_t> Fields::whole32(std::string_view name, Range range) {
    const auto number = whole(name, range);
    if (!number) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

std::optional<bool> Fields::flag(std::string_view name) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_bool()) return value->get_bool();
    if (source_ == Source::query && value->is_string()) {
        if (value->get_string() == "true") return true;
        if (value->get_string() == "false") return false;
    }
    refuse(name, "must be true or false.");
    return std::nullopt;
}

std::optional<std::string> Fields::any_text(std::string_view name,
                                            const json::value& value,
                                            Range bytes) {
    if (!value.is_string()) {
        refuse(name, "must be text.");
        return std::nullopt;
    }
    const auto& text = value.get_string();
    if (text.size() < bytes.min || text.size() > bytes.max) {
        refuse(name, "must be " + between(bytes) + " bytes long.");
        return std::nullopt;
    }
    return std::string(text.data(), text.size());
}

std::optional<std::string> Fields::item_text(std::string_view name,
                                             const json::value& value,
                                             Range bytes) {
    auto text = any_text(name, value, bytes);
    // Labels end up in headers, tables and logs of others: nothing there may break a line.
    if (text && std::any_of(text->begin(), text->end(), is_control)) {
        refuse(name, "must not hold control characters.");
        return std::nullopt;
    }
    return text;
}

std::optional<std::string> Fields::payload(std::string_view name, Range bytes) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    return any_text(name, *value, bytes);
}

std::optional<std::string> Fields::text(std::string_view name, Range bytes) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    return item_text(name, *value, bytes);
}

std::optional<json::array> Fields::items_of(std::string_view name, Range items) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    json::array single;
    if (source_ == Source::query && value->is_string()) single.push_back(*value);
    const json::array* array = single.empty() ? value->if_array() : &single;
    if (array == nullptr || array->size() < items.min || array->size() > items.max) {
        refuse(name, "must be a list of " + between(items) + " texts.");
        return std::nullopt;
    }
    return *array;
}

std::optional<std::vector<std::string>> Fields::list_of(std::string_view name,
                                                        Range items,
                                                        Range bytes,
                                                        ReadText read) {
    const auto array = items_of(name, items);
    if (!array) return std::nullopt;
    std::vector<std::string> out;
    for (const auto& item : *array) {
        auto text = (this->*read)(name, item, bytes);
        if (!text) return std::nullopt;
        out.push_back(std::move(*text));
    }
    return out;
}

std::optional<std::vector<std::string>> Fields::texts(std::string_view name,
                                                      Range items,
                                                      Range bytes) {
    return list_of(name, items, bytes, &Fields::item_text);
}

std::optional<std::vector<std::string>> Fields::payloads(std::string_view name,
                                                         Range items,
                                                         Range bytes) {
    return list_of(name, items, bytes, &Fields::any_text);
}

std::optional<std::int64_t> Fields::instant(std::string_view name) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    std::optional<std::int64_t> unix_ms;
    if (value->is_string()) {
        const auto& text = value->get_string();
        unix_ms = parse_instant({text.data(), text.size()});
    }
    if (!unix_ms) refuse(name, "must be a time such as 2026-01-31T08:05:09Z (RFC 3339).");
    return unix_ms;
}

std::optional<std::string> Fields::one_of(std::string_view name,
                                          const std::vector<std::string_view>& choices) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) {
        std::string text(value->get_string().data(), value->get_string().size());
        if (std::find(choices.begin(), choices.end(), text) != choices.end()) return text;
    }
    refuse(name, "must be one of: " + joined(choices) + ".");
    return std::nullopt;
}

std::optional<Fields> Fields::object(std::string_view name,
                                     const std::vector<std::string_view>& known) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_object()) {
        refuse(name, "must be an object.");
        return std::nullopt;
    }
    Fields nested(source_, value->get_object(), known, prefix_ + std::string(name) + ".");
    adopt(nested);
    return nested;
}

std::optional<std::vector<Fields>> Fields::objects(std::string_view name,
                                                   const std::vector<std::string_view>& known,
                                                   Range items) {
    const json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    const json::array* array = value->if_array();
    if (array == nullptr || array->size() < items.min || array->size() > items.max) {
        refuse(name, "must be a list of " + between(items) + " objects.");
        return std::nullopt;
    }
    std::vector<Fields> out;
    for (std::size_t at = 0; at < array->size(); ++at) {
        const std::string place = std::string(name) + "[" + std::to_string(at) + "]";
        if (!(*array)[at].is_object()) {
            refuse(place, "must be an object.");
            return std::nullopt;
        }
        out.emplace_back(source_, (*array)[at].get_object(), known, prefix_ + place + ".");
        adopt(out.back());
    }
    return out;
}

std::uint64_t Fields::need_whole(std::string_view name, Range range) {
    const auto value = whole(name, range);
    if (!value) refuse(name, "is missing; a whole number from " + between(range) + ".");
    return value.value_or(0);
}

std::string Fields::need_text(std::string_view name, Range bytes) {
    auto value = text(name, bytes);
    if (!value) refuse(name, "is missing; a text of " + between(bytes) + " bytes.");
    return value ? std::move(*value) : std::string();
}

}  // namespace penstock::plugins::native
