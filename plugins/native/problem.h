// Problem: why a request to /v1 was not done, as RFC 9457 shows it. Every refusal of the broker
// has one HTTP status, kept in one table here. Values, any thread.
#pragma once

#include "broker/model/refusal.h"
#include "plugins/listener/http.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::native {

struct Problem {
    unsigned status = 500;
    std::string code;     // stable, snake_case
    std::string detail;   // what and why, with the allowed range
    std::string hint;     // what to do next; may be empty
    std::string subject;  // the parameter or name concerned; may be empty
    std::vector<std::pair<std::string, std::string>> headers;  // Allow, Retry-After, ...
};

unsigned status_of(model::Reason reason);

// A refusal of the broker.
Problem refused(const model::Refusal& refusal);

// A parameter that cannot be accepted; `detail` says what is allowed.
Problem invalid_parameter(std::string_view parameter, std::string detail);

HttpResponse to_response(const Problem& problem, std::string_view request_id);

}  // namespace penstock::plugins::native
