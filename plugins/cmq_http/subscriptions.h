// The actions on subscriptions (cmq-api.md 2.5).
#pragma once

#include "plugins/cmq_http/action.h"

namespace penstock::plugins::cmq {

std::vector<Action> subscription_actions();

}  // namespace penstock::plugins::cmq
