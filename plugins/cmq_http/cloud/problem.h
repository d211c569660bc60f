// Problem: an error of API 3.0, a dotted code and a sentence (Tencent Cloud API 3.0, common error
// codes; cmq-api.md 1.4 for the business codes). Values, any thread.
#pragma once

#include "plugins/cmq_http/faults.h"

#include <string>

namespace penstock::plugins::cmq::cloud {

struct Problem {
    std::string code;  // empty: none
    std::string message;

    [[nodiscard]] bool none() const { return code.empty(); }
};

// What API 2.0 calls `failure`, in the codes of API 3.0.
Problem problem_of(const Failure& failure);

}  // namespace penstock::plugins::cmq::cloud
