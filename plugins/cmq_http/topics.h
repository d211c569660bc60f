// The actions on topics, publishing included (cmq-api.md 2.5).
#pragma once

#include "plugins/cmq_http/action.h"

namespace penstock::plugins::cmq {

std::vector<Action> topic_actions();

}  // namespace penstock::plugins::cmq
