// RateLimit-Policy and RateLimit: what the rates are that a request was judged by, and how much of
// them is left (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4). Pure functions, any
// thread.
#pragma once

#include "broker/api/quotas.h"

#include <string>
#include <utility>
#include <vector>

namespace penstock::plugins::native {

// Adds both; none where nothing limits.
void add_rate_fields(std::vector<std::pair<std::string, std::string>>& headers,
                     const std::vector<api::Standing>& standings);

}  // namespace penstock::plugins::native
