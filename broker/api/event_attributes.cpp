#include "broker/api/event_attributes.h"

#include "broker/base/letters.h"

#include <algorithm>
#include <string>

namespace penstock::api {

namespace {

constexpr std::size_t event_name_bytes_max = 20;

}  // namespace

bool is_event_attribute(std::string_view name) {
    const bool plain = std::all_of(name.begin(), name.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    });
    return plain && !name.empty() && name.size() <= event_name_bytes_max;
}

bool is_event(const model::MessageMeta& meta) {
    return std::any_of(meta.attributes.begin(), meta.attributes.end(), [](const auto& attribute) {
        return attribute.first == event_mark && attribute.second == event_version;
    });
}

bool says_json(std::string_view content_type) {
    std::string type = lowered(content_type.substr(0, content_type.find(';')));
    while (!type.empty() && type.back() == ' ') type.pop_back();
    return type.ends_with("/json") || type.ends_with("+json");
}

}  // namespace penstock::api
