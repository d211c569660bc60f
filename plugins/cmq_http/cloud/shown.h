// How the answers of API 2.0 look in API 3.0. Pure, any thread.
#pragma once

#include <boost/json/object.hpp>

#include <string>

namespace penstock::plugins::cmq::cloud {

// The members an API 2.0 action answered, their names beginning with a capital letter; a policy
// in a string becomes an object. `milliseconds`: times are given so, not in seconds.
boost::json::object capitalised(const std::string& members, bool milliseconds);

// The member `from`, when it is there, is called `to`.
void rename(boost::json::object& object, const char* from, const char* to);

}  // namespace penstock::plugins::cmq::cloud
