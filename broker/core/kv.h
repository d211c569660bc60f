// The key-value store of a function: rows of its subscription, changed only in the entry that
// settles the message whose handler asked for it. A row's version is the index of the entry that
// wrote it, so a handler's read is still true exactly while the version is the same.
#pragma once

#include "broker/core/turn.h"
#include "broker/model/function.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::core {

// True when every row still is what the handler read. A row whose time is over counts as missing.
bool reads_hold(const Turn& turn, ObjectNo subscription, const std::vector<model::KvRead>& reads);

// Why a write cannot be whatever the store holds, or nothing.
std::optional<model::Refusal> check_shape(const model::KvWrite& write);

// Why the writes cannot be, or nothing. They are judged in order, each seeing those before it.
std::optional<model::Refusal> check_writes(Turn& turn,
                                           ObjectNo subscription,
                                           const std::vector<model::KvWrite>& writes);

// Writes that check_writes() has let pass.
void apply_writes(Turn& turn, ObjectNo subscription, const std::vector<model::KvWrite>& writes);

// Timer, armed for `due_ms`: the row `key` may have outlived its time.
void kv_expired(Turn& turn, ObjectNo subscription, std::string_view key, TimeMs due_ms);

// Everything the subscription's function has stored and all its scripts.
void erase_function(Turn& turn, ObjectNo subscription);

}  // namespace penstock::core
