#include "plugins/cmq_http/arguments.h"

#include "broker/api/names.h"
#include "plugins/cmq_http/limits.h"

#include <algorithm>
#include <charconv>

namespace penstock::plugins::cmq {

namespace {

struct Integer {
    bool well_formed = false;
    bool fits = false;
    std::int64_t value = 0;
};

Integer parse_integer(std::string_view text) {
    Integer integer;
    const auto digits = text.substr(text.starts_with('-') ? 1 : 0);
    integer.well_formed =
        !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char byte) {
            return byte >= '0' && byte <= '9';
        });
    if (!integer.well_formed) return integer;
    const auto end = text.data() + text.size();
    integer.fits = std::from_chars(text.data(), end, integer.value).ec == std::errc();
    return integer;
}

// "TOPIC.NAME.dlq"
bool is_automatic_queue(std::string_view name) {
    const auto first = name.find('.');
    const auto last = name.rfind('.');
    return first != std::string_view::npos && last != first && name.substr(last) == ".dlq" &&
           api::valid_name(name.substr(0, first)) &&
           api::valid_name(name.substr(first + 1, last - first - 1));
}

Failure check_range(const ParameterSpec& spec, std::string_view name, std::int64_t size) {
    if (size >= spec.min && size <= spec.max) return {};
    return {spec.beyond, std::string(name)};
}

Failure check_integer(const ParameterSpec& spec, std::string_view value) {
    const Integer integer = parse_integer(value);
    if (!integer.well_formed) return {faults::wrong_type, std::string(spec.name)};
    if (!integer.fits) return {spec.beyond, std::string(spec.name)};
    return check_range(spec, spec.name, integer.value);
}

Failure check_name(Fault fault, bool valid) {
    return valid ? Failure{} : Failure{fault, {}};
}

// `name` as the client wrote it, with the index of a list's item.
Failure check_value(const ParameterSpec& spec, std::string_view name, std::string_view value) {
    const auto bytes = static_cast<std::int64_t>(value.size());
    switch (spec.type) {
        case Type::new_queue:
            return check_name(faults::queue_name, api::valid_name(value));
        case Type::queue:
            return check_name(faults::queue_name,
                              api::valid_name(value) || is_automatic_queue(value));
        case Type::topic:
            return check_name(faults::topic_name, api::valid_name(value));
        case Type::subscription:
            return check_name(faults::subscription_name, api::valid_name(value));
        case Type::integer:
            return check_integer(spec, value);
        case Type::text:
            return check_range(spec, name, bytes);
        case Type::word:
            return check_range(spec, name, characters_of(value));
        case Type::key:
            if (has_too_many_dots(value)) return {faults::too_many_dots, {}};
            return check_range(spec, name, bytes);
        case Type::body:
            if (value.empty()) return {faults::body_empty, {}};
            return check_range(spec, name, bytes);
        case Type::choice:
            return {};
    }
    return {};
}

bool is_index_of(std::string_view full, std::string_view name) {
    return full.size() > name.size() && full.starts_with(name) && full[name.size()] == '.';
}

Failure check_list(const ParameterSpec& spec, const Parameters& parameters) {
    const std::string* bare = parameters.find(spec.name);
    if (bare != nullptr && !bare->empty()) return {faults::wrong_type, std::string(spec.name)};
    const auto items = parameters.items(spec.name);
    const auto& all = parameters.all();
    const auto named = std::count_if(all.begin(), all.end(), [&](const auto& parameter) {
        return is_index_of(parameter.first, spec.name);
    });
    if (static_cast<std::size_t>(named) != items.size()) {
        return {faults::key_malformed, std::string(spec.name)};
    }
    if (items.empty()) {
        return spec.required ? Failure{faults::missing, std::string(spec.name)} : Failure{};
    }
    if (items.size() > spec.items_max) return {spec.too_many, std::string(spec.name)};
    for (std::size_t at = 0; at < items.size(); ++at) {
        if (items.front().index > 1 || items[at].index != items.front().index + at) {
            return {faults::not_consequent, std::string(spec.name)};
        }
        const auto& [name, value] = *items[at].parameter;
        if (auto failure = check_value(spec, name, value); !failure.none()) return failure;
    }
    return {};
}

}  // namespace

Failure validate(const std::vector<ParameterSpec>& specs, const Parameters& parameters) {
    for (const ParameterSpec& spec : specs) {
        Failure failure;
        const std::string* value = parameters.find(spec.name);
        if (spec.items_max > 0) {
            failure = check_list(spec, parameters);
        } else if (value != nullptr) {
            failure = check_value(spec, spec.name, *value);
        } else if (spec.required) {
            failure = {faults::missing, std::string(spec.name)};
        }
        if (!failure.none()) return failure;
    }
    return {};
}

bool Arguments::has(std::string_view name) const {
    return parameters_.find(name) != nullptr;
}

std::string Arguments::text(std::string_view name) const {
    const std::string* value = parameters_.find(name);
    return value == nullptr ? std::string() : *value;
}

std::optional<std::int64_t> Arguments::integer(std::string_view name) const {
    const std::string* value = parameters_.find(name);
    if (value == nullptr) return std::nullopt;
    return parse_integer(*value).value;
}

std::optional<std::uint32_t> Arguments::small(std::string_view name) const {
    const auto value = integer(name);
    if (!value) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

std::vector<std::string> Arguments::list(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& item : parameters_.items(name)) values.push_back(item.parameter->second);
    return values;
}

}  // namespace penstock::plugins::cmq
