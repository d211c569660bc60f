// The keys of the configuration: name, kind and place in ServerConfig. The one list that the file,
// the environment, `config show` and the test of penstock.example.toml go by. Pure, any thread.
#pragma once

#include "broker/config/server_config.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::config {

// How a TOML file writes it: "…", 5, true, [{ id = 1, address = "…" }].
enum class KeyKind { text, count, flag, peers };

struct Key {
    std::string name;  // as in the file: "log.segment_size"
    KeyKind kind;
    // Sets the value from text; what is wrong with it, otherwise.
    std::function<std::optional<std::string>(ServerConfig&, std::string_view)> set;
    std::function<std::string(const ServerConfig&)> show;
};

const std::vector<Key>& keys();
const Key* find_key(std::string_view name);

// The key whose name takes the fewest edits; empty when none is near.
std::string nearest_key(std::string_view name);

// "PENSTOCK_LOG_SEGMENT_SIZE" for "log.segment_size".
std::string environment_name(std::string_view name);

}  // namespace penstock::config
