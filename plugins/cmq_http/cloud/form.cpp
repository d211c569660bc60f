#include "plugins/cmq_http/cloud/form.h"

#include "broker/base/letters.h"
#include "broker/model/ids.h"
#include "plugins/cmq_http/cloud/actions.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>

namespace penstock::plugins::cmq::cloud {

namespace {

namespace json = boost::json;

constexpr std::size_t list_items_max = 100;

// Of a name, as in Filters.0.Values.0. Far less than a reader of JSON refuses as too deep.
constexpr std::ptrdiff_t name_dots_max = 8;

constexpr std::array<std::string_view, 11> common_parameters{"Action",
                                                             "Language",
                                                             "Nonce",
                                                             "Region",
                                                             "RequestClient",
                                                             "SecretId",
                                                             "Signature",
                                                             "SignatureMethod",
                                                             "Timestamp",
                                                             "Token",
                                                             "Version"};

// Puts `value` where a name like "Filters.0.Name" says; false: something else is there.
bool place(json::value& at, std::string_view path, const std::string& value) {
    if (path.empty()) {
        if (!at.is_null()) return false;
        at = json::string(value);
        return true;
    }
    const auto dot = std::min(path.find('.'), path.size());
    const auto part = path.substr(0, dot);
    const auto rest = path.substr(std::min(dot + 1, path.size()));
    if (const auto index = model::parse_decimal(part)) {
        if (at.is_null()) at.emplace_array();
        json::array* list = at.if_array();
        if (list == nullptr || *index >= list_items_max) return false;
        if (list->size() <= *index) list->resize(*index + 1);
        return place((*list)[*index], rest, value);
    }
    if (at.is_null()) at.emplace_object();
    json::object* object = at.if_object();
    return object != nullptr && place((*object)[{part.data(), part.size()}], rest, value);
}

// A number or a truth, if `text` is one.
json::value typed(const json::string& text) {
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec == std::errc() && read.ptr == end) return number;
    for (const bool truth : {false, true}) {
        if (same_letters({text.data(), text.size()}, truth ? "true" : "false")) return truth;
    }
    return text;
}

bool is_text(Field::Kind kind) {
    using Kind = Field::Kind;
    return kind == Kind::text || kind == Kind::texts || kind == Kind::policy ||
           kind == Kind::filter;
}

}  // namespace

bool names_version(std::string_view form) {
    return std::any_of(versions.begin(), versions.end(), [form](std::string_view version) {
        const std::string named = "Version=" + std::string(version);
        return form.starts_with(named) || form.find("&" + named) != std::string_view::npos;
    });
}

std::optional<json::object> body_of(const Parameters& form, const std::vector<Field>& fields) {
    json::value body(json::object_kind);
    for (const auto& [name, value] : form.all()) {
        const auto& common = common_parameters;
        if (std::find(common.begin(), common.end(), name) != common.end()) continue;
        const bool deep = std::count(name.begin(), name.end(), '.') > name_dots_max;
        if (deep || !place(body, name, value)) return std::nullopt;
    }
    for (auto& member : body.get_object()) {
        const std::string_view name{member.key().data(), member.key().size()};
        const auto field = std::find_if(
            fields.begin(), fields.end(), [name](const Field& one) { return one.name == name; });
        const json::string* text = member.value().if_string();
        if (field == fields.end() || text == nullptr || is_text(field->kind)) continue;
        json::value better = typed(*text);
        member.value() = std::move(better);
    }
    return std::move(body.get_object());
}

}  // namespace penstock::plugins::cmq::cloud
