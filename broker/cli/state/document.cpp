#include "broker/cli/state/document.h"

#include "broker/config/toml_library.h"

#include <boost/json.hpp>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::size_t values_max = 100'000;
constexpr unsigned depth_max = 64;

// Counts what a document holds: a few bytes of YAML may stand for millions of values.
class Bounds {
  public:
    bool enter() {
        ++values_;
        ++depth_;
        return values_ <= values_max && depth_ <= depth_max;
    }

    void leave() { --depth_; }

  private:
    std::size_t values_ = 0;
    unsigned depth_ = 0;
};

using Converted = std::optional<json::value>;

Converted from_toml(const toml::node& node, Bounds& bounds);

Converted from_toml_table(const toml::table& table, Bounds& bounds) {
    json::object object;
    for (const auto& [key, child] : table) {
        auto value = from_toml(child, bounds);
        if (!value) return std::nullopt;
        object[key.str()] = std::move(*value);
    }
    return object;
}

Converted from_toml_array(const toml::array& list, Bounds& bounds) {
    json::array array;
    for (const auto& child : list) {
        auto value = from_toml(child, bounds);
        if (!value) return std::nullopt;
        array.push_back(std::move(*value));
    }
    return array;
}

Converted from_toml(const toml::node& node, Bounds& bounds) {
    if (!bounds.enter()) return std::nullopt;
    Converted value;
    if (const auto* table = node.as_table()) {
        value = from_toml_table(*table, bounds);
    } else if (const auto* list = node.as_array()) {
        value = from_toml_array(*list, bounds);
    } else if (const auto* text = node.as_string()) {
        value = json::value(text->get());
    } else if (const auto* number = node.as_integer()) {
        value = json::value(number->get());
    } else if (const auto* flag = node.as_boolean()) {
        value = json::value(flag->get());
    }
    bounds.leave();
    return value;
}

// A plain scalar is a number or a truth value where it looks like one; a quoted one is text.
json::value from_yaml_scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return json::value(text);
    if (text == "true" || text == "false") return json::value(text == "true");
    std::int64_t number = 0;
    const bool decimal = text.find_first_not_of("-0123456789") == std::string::npos;
    if (decimal && YAML::convert<std::int64_t>::decode(node, number)) return json::value(number);
    return json::value(text);
}

Converted from_yaml(const YAML::Node& node, Bounds& bounds) {
    if (!bounds.enter()) return std::nullopt;
    Converted value;
    if (node.IsScalar()) {
        value = from_yaml_scalar(node);
    } else if (node.IsSequence()) {
        json::array array;
        for (const auto& child : node) {
            auto item = from_yaml(child, bounds);
            if (!item) return std::nullopt;
            array.push_back(std::move(*item));
        }
        value = std::move(array);
    } else if (node.IsMap()) {
        json::object object;
        for (const auto& child : node) {
            auto member = from_yaml(child.second, bounds);
            if (!member || !child.first.IsScalar()) return std::nullopt;
            object[child.first.Scalar()] = std::move(*member);
        }
        value = std::move(object);
    }
    bounds.leave();
    return value;
}

Failure not_a_table(const std::string& name) {
    return usage_failure(name +
                             " holds something that is no table, list, text, whole number or "
                             "truth value, or too many values.",
                         "'penstock export' prints the form.");
}

boost::system::result<json::object, Failure> checked(Converted value, const std::string& name) {
    if (!value || !value->is_object()) return not_a_table(name);
    return std::move(value->get_object());
}

boost::system::result<json::object, Failure> parse_toml(std::string_view text,
                                                        const std::string& name) {
    try {
        Bounds bounds;
        return checked(from_toml(toml::parse(text), bounds), name);
    } catch (const toml::parse_error& problem) {
        return usage_failure(name + ":" + std::to_string(problem.source().begin.line) + ": " +
                             std::string(problem.description()));
    }
}

boost::system::result<json::object, Failure> parse_yaml(std::string_view text,
                                                        const std::string& name) {
    try {
        Bounds bounds;
        return checked(from_yaml(YAML::Load(std::string(text)), bounds), name);
    } catch (const YAML::Exception& problem) {
        return usage_failure(name + ":" + std::to_string(problem.mark.line + 1) + ": " +
                             problem.msg);
    }
}

boost::system::result<json::object, Failure> parse_json(std::string_view text,
                                                        const std::string& name) {
    boost::system::error_code failed;
    json::value value = json::parse(text, failed);
    if (failed) return usage_failure(name + " is no JSON: " + failed.message());
    return checked(std::move(value), name);
}

toml::table to_toml(const json::object& object);

template <typename Add>
void add_toml(const json::value& value, const Add& add);

toml::array to_toml(const json::array& list) {
    toml::array array;
    for (const json::value& item : list) {
        add_toml(item, [&](auto&& node) { array.push_back(std::forward<decltype(node)>(node)); });
    }
    return array;
}

template <typename Add>
void add_toml(const json::value& value, const Add& add) {
    if (value.is_object()) return add(to_toml(value.get_object()));
    if (value.is_array()) return add(to_toml(value.get_array()));
    if (value.is_bool()) return add(value.get_bool());
    if (value.is_string()) return add(std::string(value.get_string()));
    if (value.is_number()) add(value.to_number<std::int64_t>());
}

toml::table to_toml(const json::object& object) {
    toml::table table;
    for (const auto& [name, value] : object) {
        add_toml(value, [&table, key = std::string(name)](auto&& node) {
            table.insert_or_assign(key, std::forward<decltype(node)>(node));
        });
    }
    return table;
}

void emit(YAML::Emitter& out, const json::value& value) {
    if (value.is_object()) {
        out << YAML::BeginMap;
        for (const auto& [name, member] : value.get_object()) {
            out << YAML::Key << std::string(name) << YAML::Value;
            emit(out, member);
        }
        out << YAML::EndMap;
    } else if (value.is_array()) {
        out << YAML::Flow << YAML::BeginSeq;
        for (const json::value& item : value.get_array()) emit(out, item);
        out << YAML::EndSeq;
    } else if (value.is_bool()) {
        out << value.get_bool();
    } else if (value.is_string()) {
        const std::string text(value.get_string());
        if (text.find('\n') != std::string::npos) {
            out << YAML::Literal << text;
        } else {
            out << YAML::DoubleQuoted << text;
        }
    } else if (value.is_number()) {
        out << value.to_number<std::int64_t>();
    }
}

}  // namespace

Notation notation_of(std::string_view path) {
    if (path.ends_with(".json")) return Notation::json;
    if (path.ends_with(".yaml") || path.ends_with(".yml")) return Notation::yaml;
    return Notation::toml;
}

boost::system::result<json::object, Failure> parse_document(std::string_view text,
                                                            Notation notation,
                                                            const std::string& name) {
    switch (notation) {
        case Notation::json:
            return parse_json(text, name);
        case Notation::yaml:
            return parse_yaml(text, name);
        case Notation::toml:
            break;
    }
    return parse_toml(text, name);
}

std::string print_document(const json::object& document, Notation notation) {
    std::ostringstream out;
    switch (notation) {
        case Notation::json:
            out << json::serialize(document);
            break;
        case Notation::yaml: {
            YAML::Emitter emitter;
            emit(emitter, document);
            out << emitter.c_str();
            break;
        }
        case Notation::toml:
            out << to_toml(document);
            break;
    }
    out << '\n';
    return out.str();
}

}  // namespace penstock::cli
