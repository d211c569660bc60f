// The body of an API 3.0 request as the parameters of the API 2.0 action that carries it out. Pure,
// any thread.
#pragma once

#include "plugins/cmq_http/cloud/problem.h"
#include "plugins/cmq_http/parameters.h"

#include <boost/json/object.hpp>

#include <string_view>
#include <vector>

namespace penstock::plugins::cmq::cloud {

struct Field {
    enum class Kind {
        text,
        integer,
        positive,  // an integer; 0 is not given: some clients name every field they know
        texts,   // a list; the items become name.1 onwards
        same,    // true or false, 0 or 1: what Penstock does anyway, so both are taken
        absent,  // known, and refused unless it is false, 0 or empty: Penstock has no such thing
        policy,  // a part of the dead-letter policy, joined into one parameter
        filter,  // [{"Name": `as`, "Values": [TEXT]}], a part of names: searchWord; or []
    };

    std::string_view name;
    Kind kind = Kind::text;
    std::string_view as =
        {};  // its name in API 2.0; empty: the same, beginning with a small letter
};

// Reads `body`, which may hold no field but `fields`, and none of those that mean the same twice.
// Problems name the field.
Problem translate(const boost::json::object& body,
                  const std::vector<Field>& fields,
                  std::vector<Parameters::Parameter>& parameters);

}  // namespace penstock::plugins::cmq::cloud
