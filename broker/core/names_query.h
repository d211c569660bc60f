// Reads of set 0's rows: names and keys. Pure functions, broker thread.
#pragma once

#include "broker/model/command.h"
#include "broker/model/rows.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::core {

enum class NameState : std::uint8_t { reserved = 1, ready = 2, hidden = 3 };

struct NameInfo {
    model::ObjectNo number;
    model::ObjectKind kind = model::ObjectKind::queue;
    model::SetId set;
    std::string name;  // as the user wrote it
    NameState state = NameState::reserved;
    model::TimeMs created_ms = 0;
};

// The visible (ready) object of that name. Queues compare case-insensitively and share their names
// with automatic dead-letter queues.
std::optional<NameInfo> find_name(const model::Rows& rows,
                                  model::ObjectKind kind,
                                  std::string_view name);
std::optional<NameInfo> find_number(const model::Rows& rows, model::ObjectNo number);

struct NamePage {
    std::uint64_t total = 0;  // all matches, not the page
    std::vector<NameInfo> items;
};

// Visible names that contain `search` (case-insensitive; empty: all), ordered by name. With an
// `account` those of its objects only ("": of none), and `search` looks behind its name.
NamePage list_names(const model::Rows& rows,
                    model::ObjectKind kind,
                    std::string_view search,
                    std::uint64_t offset,
                    std::uint64_t limit,
                    std::optional<std::string_view> account = std::nullopt);

// The number the next object will have.
model::ObjectNo next_number(const model::Rows& rows);

// The number was given, and its object is gone: these rows know of both.
bool was_released(const model::Rows& rows, model::ObjectNo number);

// Objects that live in the set, whatever their state: what a new one's place is chosen by.
std::uint32_t objects_in(const model::Rows& rows, model::SetId set);

// Names whose create or delete was cut short: to be finished or undone by the leader.
std::vector<NameInfo> unfinished_names(const model::Rows& rows);

struct KeyInfo {
    std::string key_id;
    std::string secret;
    bool root = false;
};

std::optional<KeyInfo> find_key(const model::Rows& rows, std::string_view key_id);
std::vector<KeyInfo> list_keys(const model::Rows& rows);

}  // namespace penstock::core
