// The end of every entry, in both kinds of set: applied index, time and state hash join the batch.
#pragma once

#include "broker/core/data_query.h"
#include "broker/model/entry.h"

namespace penstock::core {

// Appends the progress rows. The state hash is a chain over the batches' and replies' bytes, so
// that replicas with equal hashes at an index have applied the same things in the same way.
void seal_batch(const model::Entry& entry, const model::Rows& rows, model::Effects& effects);

// The state hash that a sealed batch leaves behind. Everything else is a bug.
std::uint64_t sealed_hash(const model::Effects& effects);

}  // namespace penstock::core
