// Placement: the rows of set 0 that say which nodes there are and which sets they hold.
//
//   N node   NodeInfo
//   S set    SetInfo
//
// Pure functions, broker thread.
#pragma once

#include "broker/core/turn.h"
#include "broker/model/cluster.h"
#include "broker/model/rows.h"

#include <optional>
#include <vector>

namespace penstock::core {

// Ascending by number.
std::vector<model::NodeInfo> list_nodes(const model::Rows& rows);
std::vector<model::SetInfo> list_sets(const model::Rows& rows);
std::optional<model::SetInfo> find_set(const model::Rows& rows, model::SetId set);

// The commands. A node that still holds replicas is not dropped.
model::Reply put_node(Turn& turn, const model::PutNode& command);
model::Reply drop_node(Turn& turn, const model::DropNode& command);
model::Reply put_set(Turn& turn, const model::PutSet& command);

}  // namespace penstock::core
