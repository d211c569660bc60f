#include "tests/plugins/native/described.h"

#include "plugins/native/openapi.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <vector>

namespace penstock::testing {

namespace {

namespace json = boost::json;

const json::object& document() {
    static const json::object whole = json::parse(plugins::native::openapi_document()).as_object();
    return whole;
}

// The object a reference like "#/components/schemas/Queue" leads to.
const json::object& resolved(const json::object& at) {
    const auto* reference = at.if_contains("$ref");
    if (reference == nullptr) return at;
    const json::value* found = nullptr;
    std::istringstream words(std::string(reference->as_string()));
    for (std::string word; std::getline(words, word, '/');)
        found =
            word == "#" ? nullptr : &(found == nullptr ? document() : found->as_object()).at(word);
    return resolved(found->as_object());
}

std::string_view kind_of(const json::value& value) {
    if (value.is_null()) return "null";
    if (value.is_bool()) return "boolean";
    if (value.is_string()) return "string";
    if (value.is_array()) return "array";
    if (value.is_object()) return "object";
    return value.is_double() ? "number" : "integer";
}

bool is_of_type(const json::value& type, const json::value& value) {
    if (type.is_string()) return type.as_string() == kind_of(value);
    return std::any_of(type.as_array().begin(), type.as_array().end(), [&](const auto& one) {
        return one.as_string() == kind_of(value);
    });
}

std::string complaint(const json::object& schema, const json::value& value, const std::string& at);

std::string object_complaint(const json::object& schema,
                             const json::object& value,
                             const std::string& at) {
    if (const auto* required = schema.if_contains("required")) {
        for (const auto& name : required->as_array()) {
            if (!value.contains(name.as_string()))
                return at + " lacks " + std::string(name.as_string());
        }
    }
    const auto* properties = schema.if_contains("properties");
    const auto* further = schema.if_contains("additionalProperties");
    for (const auto& [name, item] : value) {
        const std::string below = at + "." + std::string(name);
        const auto* known =
            properties == nullptr ? nullptr : properties->as_object().if_contains(name);
        if (known == nullptr) known = further;
        if (known == nullptr && properties == nullptr) continue;
        if (known == nullptr) return below + " is not described";
        if (auto wrong = complaint(known->as_object(), item, below); !wrong.empty()) return wrong;
    }
    return {};
}

std::string number_complaint(const json::object& schema,
                             const json::value& value,
                             const std::string& at) {
    const double number = value.to_number<double>();
    const auto* minimum = schema.if_contains("minimum");
    const auto* maximum = schema.if_contains("maximum");
    if (minimum != nullptr && number < minimum->to_number<double>()) return at + " is too small";
    if (maximum != nullptr && number > maximum->to_number<double>()) return at + " is too large";
    return {};
}

std::string complaint(const json::object& where, const json::value& value, const std::string& at) {
    const json::object& schema = resolved(where);
    if (const auto* choices = schema.if_contains("oneOf")) {
        const auto& all = choices->as_array();
        const auto fits = std::count_if(all.begin(), all.end(), [&](const auto& one) {
            return complaint(one.as_object(), value, at).empty();
        });
        return fits == 1 ? "" : at + " is not one of what it may be";
    }
    if (const auto* type = schema.if_contains("type")) {
        if (!is_of_type(*type, value)) return at + " is of type " + std::string(kind_of(value));
    }
    if (const auto* values = schema.if_contains("enum")) {
        const auto& all = values->as_array();
        if (std::find(all.begin(), all.end(), value) == all.end())
            return at + " is " + json::serialize(value);
    }
    if (value.is_number()) return number_complaint(schema, value, at);
    if (const auto* object = value.if_object()) return object_complaint(schema, *object, at);
    const auto* items = schema.if_contains("items");
    if (!value.is_array() || items == nullptr) return {};
    for (std::size_t index = 0; index < value.as_array().size(); ++index) {
        const std::string below = at + "[" + std::to_string(index) + "]";
        if (auto wrong = complaint(items->as_object(), value.as_array()[index], below);
            !wrong.empty())
            return wrong;
    }
    return {};
}

std::vector<std::string> segments(const std::string& path) {
    std::vector<std::string> parts;
    std::istringstream words(path);
    for (std::string word; std::getline(words, word, '/');) parts.push_back(word);
    return parts;
}

bool leads_to(const std::string& pattern, const std::string& path) {
    const auto wanted = segments(pattern);
    const auto found = segments(path);
    return std::equal(wanted.begin(),
                      wanted.end(),
                      found.begin(),
                      found.end(),
                      [](const std::string& one, const std::string& other) {
                          return one == other || (one.starts_with('{') && !other.empty());
                      });
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return text;
}

bool has_header(const plugins::HttpResponse& response, std::string_view name) {
    return std::any_of(response.headers.begin(), response.headers.end(), [&](const auto& header) {
        return header.first == name;
    });
}

std::set<std::string>& answered() {
    static std::set<std::string> names;
    return names;
}

}  // namespace

std::string described(const std::string& method,
                      const std::string& path,
                      const plugins::HttpResponse& response) {
    const json::object* operation = nullptr;
    std::string name;
    for (const auto& [pattern, methods] : document().at("paths").as_object()) {
        const auto* found = methods.as_object().if_contains(lower(method));
        if (found == nullptr || !leads_to(std::string(pattern), path)) continue;
        // A path without a name in it is meant before one with.
        if (operation != nullptr && pattern.find('{') != json::string_view::npos) continue;
        operation = &found->as_object();
        name = lower(method) + " " + std::string(pattern);
    }
    const bool fine = response.status < 300;
    if (operation == nullptr) return fine ? "an operation that is not described" : "";
    const auto& responses = operation->at("responses").as_object();
    const auto* exact = responses.if_contains(std::to_string(response.status));
    if (exact == nullptr && fine) return name + " answers " + std::to_string(response.status);
    if (fine) answered().insert(name);
    const auto& shape = resolved((exact == nullptr ? responses.at("default") : *exact).as_object());
    if (const auto* headers = shape.if_contains("headers")) {
        for (const auto& [header, meaning] : headers->as_object()) {
            const std::string wanted(header);
            if (!has_header(response, wanted)) return name + " lacks " + wanted;
        }
    }
    const auto* content = shape.if_contains("content");
    if (content == nullptr) return response.body.empty() ? "" : name + " answers with a body";
    const auto* typed = content->as_object().if_contains(response.content_type);
    if (typed == nullptr) return name + " answers as " + response.content_type;
    if (response.stream != nullptr) return "";  // see described_event()
    if (response.content_type == "application/octet-stream") return "";
    if (response.body.empty()) return lower(method) == "head" ? "" : name + " answers nothing";
    return complaint(typed->as_object().at("schema").as_object(), json::parse(response.body), name);
}

std::string described_event(const std::string& schema, const json::value& data) {
    const auto& schemas = document().at("components").at("schemas").as_object();
    return complaint(schemas.at(schema).as_object(), data, schema);
}

std::set<std::string> described_operations() {
    std::set<std::string> names;
    for (const auto& [path, methods] : document().at("paths").as_object()) {
        for (const auto& [method, operation] : methods.as_object())
            names.insert(std::string(method) + " " + std::string(path));
    }
    return names;
}

const std::set<std::string>& answered_operations() {
    return answered();
}

}  // namespace penstock::testing
