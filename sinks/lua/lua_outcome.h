// What an answer of penstock-lua, with what was published before it, means for its message. Pure
// functions, any thread.
#pragma once

#include "broker/api/dispatch.h"
#include "sinks/worker/conversation.h"
#include "sinks/worker/protocol.h"

#include <string_view>
#include <vector>

namespace penstock::sinks::lua {

// `role` says what `value` is: of a transform the new body as it is, else the result's JSON. What a
// script wants to happen goes along only with a message that is accepted or dropped; more of it
// than the core takes is a failure.
worker::Outcome outcome_of(worker::Answer answer,
                           std::vector<api::HandlerOutput> outputs,
                           std::string_view role);

// A failure of that class with one line for people.
worker::Outcome failed_outcome(model::Verdict verdict,
                               model::Failure failure,
                               std::string_view excerpt);

}  // namespace penstock::sinks::lua
