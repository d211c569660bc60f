// Placement: the rows of set 0 that say which nodes there are and which sets they hold.
//
//   N node   NodeInfo
//   S set    SetInfo
//   D node   a node that was dropped: its id is never used again
//   B        there while sets move for the sake of balance
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
[[nodiscard]] bool is_balancing(const model::Rows& rows);

// The node was dropped: whoever comes with its id is not a node of the cluster.
[[nodiscard]] bool was_dropped(const model::Rows& rows, model::NodeId node);

// What makes a set 0 that of a server on its own, whichever cluster it was of.
model::RowBatch without_placement();

// The commands. A node that still holds replicas is not dropped, one that was dropped is not put.
model::Reply put_node(Turn& turn, const model::PutNode& command);
model::Reply drop_node(Turn& turn, const model::DropNode& command);
model::Reply put_set(Turn& turn, const model::PutSet& command);
model::Reply set_balancing(Turn& turn, const model::SetBalancing& command);
model::Reply mark_leaving(Turn& turn, const model::MarkLeaving& command);
model::Reply prefer_leader(Turn& turn, const model::PreferLeader& command);

}  // namespace penstock::core
