// Reads of a queue's transactional messages (transactions.h). Pure functions over Rows, a bounded
// number of rows a call, broker thread.
#pragma once

#include "broker/core/data_query.h"
#include "broker/core/peek_query.h"

#include <cstdint>
#include <optional>

namespace penstock::core {

// Those that are prepared, as peek_messages() gives messages.
PeekPage prepared_messages(const Rows& rows,
                           QueueNo queue,
                           std::uint64_t first,
                           std::uint32_t limit);

// Where a message stands that is in no log: prepared, rolled_back, unconfirmed.
std::optional<MessagePlace> prepared_place(const Rows& rows, QueueNo queue, MessageId message);

// True when somebody who takes checks would get one now. Cheap: one row.
bool check_due(const Rows& rows, QueueNo queue);

// How many are prepared, and how those of before ended.
void count_transactions(const Rows& rows, QueueNo queue, QueueCounts& counts);

}  // namespace penstock::core
