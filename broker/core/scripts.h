// Scripts of subscriptions by role and version: deployed, rolled back, kept for a while.
#pragma once

#include "broker/core/turn.h"
#include "broker/model/function.h"

namespace penstock::core {

model::Reply deploy_script(Turn& turn, const model::DeployScript& command);
model::Reply activate_script(Turn& turn, const model::ActivateScript& command);

// Stores `script` as the newest version of its role and gives that version; the oldest beyond
// script_versions_max go, never `in_use`.
std::uint32_t store_script(Turn& turn,
                           ObjectNo subscription,
                           const model::Script& script,
                           std::uint32_t in_use);

}  // namespace penstock::core
