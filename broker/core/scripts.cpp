#include "broker/core/scripts.h"

#include "broker/core/refusals.h"

#include <algorithm>
#include <vector>

namespace penstock::core {

using model::Reason;
using model::ScriptRole;

namespace {

std::size_t slot(ScriptRole role) {
    return static_cast<std::size_t>(role) - 1;
}

std::vector<std::uint32_t> versions_of(const Turn& turn, ObjectNo subscription, ScriptRole role) {
    std::vector<std::uint32_t> versions;
    turn.scan(keys::script(subscription, role, 0),
              keys::script_end(subscription, role),
              [&](std::string_view key, std::string_view) {
                  versions.push_back(keys::last_object(key).value);
                  return true;
              });
    return versions;
}

void use_version(Turn& turn,
                 ObjectNo subscription,
                 SubscriptionConfig config,
                 ScriptRole role,
                 std::uint32_t version) {
    config.spec.scripts[slot(role)] = version;
    config.modified_ms = turn.now();
    turn.put_subscription(subscription, config);
    turn.changed(subscription);
}

}  // namespace

std::uint32_t store_script(Turn& turn,
                           ObjectNo subscription,
                           const model::Script& script,
                           std::uint32_t in_use) {
    std::vector<std::uint32_t> versions = versions_of(turn, subscription, script.role);
    model::Script stored = script;
    stored.version = versions.empty() ? 1 : versions.back() + 1;
    stored.deployed_ms = turn.now();
    turn.put(keys::script(subscription, script.role, stored.version), encode(stored));
    std::erase(versions, in_use);
    // The new one and the one in use stay in any case.
    for (std::size_t at = 0; at + model::script_versions_max < versions.size() + 2; ++at) {
        turn.erase(keys::script(subscription, script.role, versions[at]));
    }
    return stored.version;
}

model::Reply deploy_script(Turn& turn, const model::DeployScript& command) {
    const SubscriptionConfig* config = turn.subscription(command.subscription);
    if (!config) return no_subscription(command.subscription);
    const ScriptRole role = command.script.role;
    const std::uint32_t version =
        store_script(turn, command.subscription, command.script, config->spec.scripts[slot(role)]);
    use_version(turn, command.subscription, *config, role, version);
    return model::Deployed{version};
}

model::Reply activate_script(Turn& turn, const model::ActivateScript& command) {
    const SubscriptionConfig* config = turn.subscription(command.subscription);
    if (!config) return no_subscription(command.subscription);
    const std::uint32_t in_use = config->spec.scripts[slot(command.role)];
    const auto versions = versions_of(turn, command.subscription, command.role);
    auto wanted = std::find(versions.begin(), versions.end(), command.version);
    if (command.version == 0) {
        const auto at = std::lower_bound(versions.begin(), versions.end(), in_use);
        wanted = at == versions.begin() ? versions.end() : at - 1;
    }
    if (wanted == versions.end()) {
        const std::string which =
            command.version == 0 ? "earlier version" : "version " + std::to_string(command.version);
        return refuse(Reason::script_not_found,
                      config->name,
                      "the subscription has no " + which + " of a " +
                          std::string(model::to_text(command.role)) + " script");
    }
    use_version(turn, command.subscription, *config, command.role, *wanted);
    return model::Deployed{*wanted};
}

}  // namespace penstock::core
