#include "plugins/cmq_http/cloud/request.h"

#include <boost/json.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace penstock::plugins::cmq::cloud {

namespace {

namespace json = boost::json;

constexpr std::size_t items_max = 100;  // of a list; API 2.0 then has its own limit
constexpr std::size_t shown_bytes_max = 64;

Problem wrong_type(std::string_view name, std::string_view wanted) {
    return {"InvalidParameter", std::string(name) + " must be " + std::string(wanted)};
}

std::string name_of(const Field& field) {
    std::string name(field.as.empty() ? field.name : field.as);
    if (field.as.empty()) name[0] = static_cast<char>(name[0] + ('a' - 'A'));
    return name;
}

bool is_nothing(const json::value& value) {
    if (const bool* flag = value.if_bool()) return !*flag;
    if (value.is_number()) return value.to_number<double>() == 0;
    if (const json::string* text = value.if_string()) return text->empty();
    if (const json::array* list = value.if_array()) return list->empty();
    return value.is_null();
}

bool is_flag(const json::value& value) {
    if (value.is_bool()) return true;
    return value.is_number() && (value.to_number<double>() == 0 || value.to_number<double>() == 1);
}

using List = std::vector<Parameters::Parameter>;

Problem read_integer(const Field& field, const json::value& value, List& into) {
    if (!value.is_int64() && !value.is_uint64()) return wrong_type(field.name, "an integer");
    into.emplace_back(name_of(field), json::serialize(value));
    return {};
}

Problem read_text(const Field& field, const json::value& value, List& into) {
    const json::string* text = value.if_string();
    if (text == nullptr) return wrong_type(field.name, "a string");
    into.emplace_back(name_of(field), std::string(*text));
    return {};
}

Problem read_texts(const Field& field, const json::value& value, List& into) {
    const json::array* list = value.if_array();
    if (list == nullptr || list->size() > items_max) {
        return wrong_type(field.name, "a list of at most 100 strings");
    }
    for (std::size_t at = 0; at < list->size(); ++at) {
        const json::string* text = (*list)[at].if_string();
        if (text == nullptr) return wrong_type(field.name, "a list of strings");
        into.emplace_back(name_of(field) + "." + std::to_string(at + 1), std::string(*text));
    }
    return {};
}

// What API 3.0's clients look for names with: one filter, one word.
Problem read_filter(const Field& field, const json::value& value, List& into) {
    if (is_nothing(value)) return {};
    const Problem unknown{"UnsupportedOperation",
                          std::string(field.name) + " may hold one filter, of Name " +
                              std::string(field.as) + " with one text in Values"};
    const json::array* filters = value.if_array();
    if (filters == nullptr || filters->size() != 1) return unknown;
    const json::object* filter = filters->front().if_object();
    if (filter == nullptr) return unknown;
    const json::value* named = filter->if_contains("Name");
    const json::value* values = filter->if_contains("Values");
    const json::string* name = named == nullptr ? nullptr : named->if_string();
    const json::array* words = values == nullptr ? nullptr : values->if_array();
    if (name == nullptr || *name != json::string_view(field.as.data(), field.as.size())) {
        return unknown;
    }
    if (words == nullptr || words->size() != 1) return unknown;
    const json::string* word = words->front().if_string();
    if (word == nullptr) return unknown;
    into.emplace_back("searchWord", std::string(*word));
    return {};
}

Problem read(const Field& field, const json::value& value, List& into, json::object& policy) {
    switch (field.kind) {
        case Field::Kind::text:
            return read_text(field, value, into);
        case Field::Kind::integer:
            return read_integer(field, value, into);
        case Field::Kind::positive:
            if (value.is_number() && is_nothing(value)) return {};
            return read_integer(field, value, into);
        case Field::Kind::texts:
            return read_texts(field, value, into);
        case Field::Kind::same:
            return is_flag(value) ? Problem{} : wrong_type(field.name, "true or false");
        case Field::Kind::absent:
            if (is_nothing(value)) return {};
            return {"UnsupportedOperation",
                    std::string(field.name) + " is not supported by this server"};
        case Field::Kind::policy:
            policy[name_of(field)] = value;
            return {};
        case Field::Kind::filter:
            return read_filter(field, value, into);
    }
    return {};
}

// Two fields that mean one parameter: API 3.0 has two names for some.
Problem check_once(const List& parameters) {
    for (auto at = parameters.begin(); at != parameters.end(); ++at) {
        const bool again = std::any_of(std::next(at), parameters.end(), [&](const auto& other) {
            return other.first == at->first;
        });
        if (again) return {"InvalidParameter", at->first + " is given by two parameters"};
    }
    return {};
}

}  // namespace

Problem translate(const json::object& body,
                  const std::vector<Field>& fields,
                  std::vector<Parameters::Parameter>& parameters) {
    json::object policy;
    for (const auto& [name, value] : body) {
        const std::string_view known{name.data(), name.size()};
        const auto field = std::find_if(
            fields.begin(), fields.end(), [known](const Field& one) { return one.name == known; });
        if (field == fields.end()) {
            return {"UnknownParameter",
                    "there is no parameter " + std::string(known.substr(0, shown_bytes_max))};
        }
        if (value.is_null()) continue;
        if (auto problem = read(*field, value, parameters, policy); !problem.none()) {
            return problem;
        }
    }
    if (!policy.empty()) parameters.emplace_back("deadLetterPolicy", json::serialize(policy));
    return check_once(parameters);
}

}  // namespace penstock::plugins::cmq::cloud
