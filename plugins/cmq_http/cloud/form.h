// Requests of API 3.0 as older SDKs write them ("signature v1"): a form, signed as API 2.0 is, with
// lists as Name.0, Name.1 and so on. Pure, any thread.
#pragma once

#include "plugins/cmq_http/cloud/request.h"
#include "plugins/cmq_http/parameters.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace penstock::plugins::cmq::cloud {

// True when the form has a parameter Version that names one of ours.
bool names_version(std::string_view form);

// The parameters but for those that every action has, as the JSON body that would say the same.
// Nothing: one of them is a list and no list, or the like.
std::optional<boost::json::object> body_of(const Parameters& form,
                                           const std::vector<Field>& fields);

}  // namespace penstock::plugins::cmq::cloud
