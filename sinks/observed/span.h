// Span: one step of a trace, as it is exported. A value.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::observed {

struct Span {
    std::string trace_id;
    std::string span_id;
    std::string parent_id;
    std::string name;
    std::int64_t began_us = 0;  // Unix time
    std::int64_t ended_us = 0;
    bool failed = false;
    std::string problem;                                          // of a failed one
    std::vector<std::pair<std::string, std::string>> attributes;  // texts
};

}  // namespace penstock::sinks::observed
