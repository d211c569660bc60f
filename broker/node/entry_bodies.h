// What an entry's commands say about its bodies: where they begin, how large the commands are, and
// how a replayed entry becomes the one that was applied first. Pure functions.
#pragma once

#include "broker/base/error.h"
#include "broker/model/entry.h"
#include "broker/replication/log.h"

#include <string_view>

namespace penstock::node {

// Roughly the encoded size; for bounding an entry.
std::size_t command_bytes(const model::Command& command);

// Counts the ordinals of a command's bodies from `ordinal` on; so far they count from 0.
void set_first_ordinal(model::Command& command, std::uint32_t ordinal);

// What the core sees of a body. Bytes that are no message (attempts) have an empty header; the
// same bytes give the same info, live and replayed.
model::BodyInfo info_of(std::string_view body);

// Error{damaged} when the commands cannot be read.
Result<model::Entry> to_entry(model::SetId set, const replication::ReplayedEntry& replayed);

}  // namespace penstock::node
