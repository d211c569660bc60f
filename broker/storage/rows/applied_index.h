// The applied index row: every batch carries it, so that a flush takes rows and index together or
// not at all. Pure functions, any thread.
#pragma once

#include "broker/model/ids.h"
#include "broker/model/rows.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::storage {

std::string encode_applied(model::LogIndex applied);
std::optional<model::LogIndex> decode_applied(std::string_view value);  // nothing: malformed

// True when `batch` writes the row itself. A batch that writes another index than `applied`, or
// other bytes, is a bug.
bool writes_applied(const model::RowBatch& batch, model::LogIndex applied);

}  // namespace penstock::storage
