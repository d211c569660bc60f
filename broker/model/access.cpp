#include "broker/model/access.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::model {

namespace {

constexpr std::array<std::pair<Role, std::string_view>, 7> role_names = {{
    {Role::root, "root"},
    {Role::admin, "admin"},
    {Role::operations, "operator"},
    {Role::viewer, "viewer"},
    {Role::publisher, "publisher"},
    {Role::consumer, "consumer"},
    {Role::none, "none"},
}};

}  // namespace

std::string_view to_text(Role role) {
    const auto found = std::find_if(role_names.begin(), role_names.end(), [role](const auto& one) {
        return one.first == role;
    });
    return found == role_names.end() ? "none" : found->second;
}

std::optional<Role> role_named(std::string_view text) {
    const auto found = std::find_if(role_names.begin(), role_names.end(), [text](const auto& one) {
        return one.second == text;
    });
    if (found == role_names.end()) return std::nullopt;
    return found->first;
}

}  // namespace penstock::model
