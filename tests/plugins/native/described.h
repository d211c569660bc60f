// Whether answers are as openapi.json describes them. Stricter than the document: a field that it
// does not name is a complaint too. Keeps which operations were answered. One thread.
#pragma once

#include "plugins/listener/http.h"

#include <boost/json/value.hpp>

#include <set>
#include <string>

namespace penstock::testing {

// Why the answer is not as described; empty: it is.
std::string described(const std::string& method,
                      const std::string& path,
                      const plugins::HttpResponse& response);

// The same for the data of an event, after the schema of this name.
std::string described_event(const std::string& schema, const boost::json::value& data);

// "get /v1/queues": all there are, and those that described() has seen succeed.
std::set<std::string> described_operations();
const std::set<std::string>& answered_operations();

}  // namespace penstock::testing
