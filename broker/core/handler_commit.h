// What a handler wants to happen with its acknowledgement: published messages and kv writes, all of
// it in the entry that settles the message, or nothing of it.
#pragma once

#include "broker/core/turn.h"
#include "broker/model/function.h"

namespace penstock::core {

// Why the commit cannot be (its reads are not judged here), or nothing. Changes nothing.
std::optional<model::Refusal> check_commit(Turn& turn,
                                           ObjectNo subscription,
                                           const model::HandlerCommit& commit);

// A commit that check_commit() has let pass in this entry.
void apply_commit(Turn& turn, ObjectNo subscription, const model::HandlerCommit& commit);

}  // namespace penstock::core
