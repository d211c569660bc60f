// Access: what the holder of a key may do: a role, and statements that widen or narrow it after
// CAM's model (action x resource pattern x effect, a denial first). What the actions are, which of
// them a role has and how statements are weighed is for broker/api. Values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::model {

// From all to nothing. Stored by number.
enum class Role : std::uint8_t {
    root = 1,        // everything, the cluster and code that runs on the server included
    admin = 2,       // all but these
    operations = 3,  // what goes on: no creating and deleting, no keys
    viewer = 4,      // looks, but sees no message's content
    publisher = 5,   // sends and publishes
    consumer = 6,    // receives and deletes
    none = 7,        // what its statements allow
};

// "root", "admin", "operator", "viewer", "publisher", "consumer", "none".
std::string_view to_text(Role role);
std::optional<Role> role_named(std::string_view text);

// `*` stands for any characters, none too; everything else for itself.
struct Statement {
    bool deny = false;
    std::vector<std::string> actions;    // "SendMessages", "List*"
    std::vector<std::string> resources;  // "queue/orders-*", "topic/*", "*"
    friend bool operator==(const Statement&, const Statement&) = default;
};

struct Access {
    Role role = Role::none;
    std::vector<Statement> statements;
    friend bool operator==(const Access&, const Access&) = default;
};

inline constexpr std::size_t statements_max = 16;
inline constexpr std::size_t patterns_max = 16;        // of a statement's actions, its resources
inline constexpr std::size_t pattern_bytes_max = 160;  // TOPIC/NAME with its kind is 142 at most

}  // namespace penstock::model
