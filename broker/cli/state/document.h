// Documents of a desired state: TOML, JSON or YAML text as a JSON object, and back. The only door
// to the YAML library, and to TOML for this folder; their exceptions end here. Pure but for reading
// the file; any thread.
#pragma once

#include "broker/cli/failure.h"

#include <boost/json/object.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::cli {

enum class Notation : std::uint8_t { toml, json, yaml };

// By the ending of the path: .json, .yaml and .yml; all else is TOML.
Notation notation_of(std::string_view path);

// `name` is what failures call the text. Values are texts, whole numbers, truth values, lists and
// tables; anything else, and more than 100,000 values or 64 levels, is a usage failure.
boost::system::result<boost::json::object, Failure> parse_document(std::string_view text,
                                                                   Notation notation,
                                                                   const std::string& name);

// Text that parse_document() reads as the same object; it holds no nulls.
std::string print_document(const boost::json::object& document, Notation notation);

}  // namespace penstock::cli
