// The OpenAPI 3.1 description of /v1, as bytes: openapi.json in this folder. Tests hold every
// answer of the front end against it. A pure function; any thread.
#pragma once

#include <string_view>

namespace penstock::plugins::native {

std::string_view openapi_document();

}  // namespace penstock::plugins::native
