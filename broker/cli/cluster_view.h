// What /v1/cluster answers, as rows of tables. Pure functions, any thread.
#pragma once

#include "broker/cli/output.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace penstock::cli {

extern const Columns cluster_node_columns;
extern const Columns cluster_set_columns;

// Rows for cluster_node_columns and cluster_set_columns. What is not known is a '?'.
boost::json::array node_rows(const boost::json::object& cluster);
boost::json::array set_rows(const boost::json::object& cluster);

}  // namespace penstock::cli
