// What a request is called where people name it: in the audit trail, in a key's statements. Pure
// functions, any thread; costly to compile, for .cpp files only.
#pragma once

#include "broker/api/requests.h"

#include <boost/core/type_name.hpp>

#include <string>
#include <type_traits>

namespace penstock::api {

template <class R, class... Others>
constexpr bool is_one_of = (std::is_same_v<R, Others> || ...);

// The request's name without its namespace: "CreateQueue".
template <class R>
const std::string& action_of() {
    static const std::string name = [] {
        const std::string full = boost::core::type_name<R>();
        return full.substr(full.rfind(':') + 1);
    }();
    return name;
}

}  // namespace penstock::api
