// What an answer of a worker means for its message. Pure functions, any thread.
#pragma once

#include "sinks/worker/conversation.h"
#include "sinks/worker/protocol.h"
#include "sinks/worker/published.h"

#include <string>

namespace penstock::sinks::process {

// `problem`: what is wrong with the answer's frame, or empty.
worker::Outcome outcome_of(worker::Answer answer,
                           worker::Published published,
                           const std::string& problem);

}  // namespace penstock::sinks::process
