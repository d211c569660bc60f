// The filters of messages that lists and jobs take: `from to tag key text`, of dead letters also
// `reason status`. Strict like all fields; the same names in a query and in JSON. Any thread.
#pragma once

#include "broker/model/job.h"
#include "plugins/native/fields.h"

#include <boost/json/object.hpp>

#include <string_view>
#include <vector>

namespace penstock::plugins::native {

// `own` with the names of a filter besides; `letters`: of dead letters.
std::vector<std::string_view> with_filter(std::vector<std::string_view> own, bool letters);

// A query with a filter.
Fields filtered_query(std::string_view query, std::vector<std::string_view> own, bool letters);

model::MessageFilter read_filter(Fields& fields, bool letters);

// What was asked for, by the same names; nothing else.
boost::json::object show(const model::MessageFilter& filter);

// Messages a second; 0: not given.
std::uint32_t read_rate(Fields& fields);

}  // namespace penstock::plugins::native
