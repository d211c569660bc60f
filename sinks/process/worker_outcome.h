// What an answer of a worker means for its message. Pure functions, any thread.
#pragma once

#include "sinks/worker/conversation.h"
#include "sinks/worker/protocol.h"

#include <string>
#include <vector>

namespace penstock::sinks::process {

// All that one message may publish.
inline constexpr std::size_t output_bytes_max = 1 << 20;

// What a worker published for one message before its answer.
struct Published {
    std::vector<api::HandlerOutput> outputs;
    std::size_t bytes = 0;
    std::string problem;  // why it cannot be published as it is; the first reason
};

// Keeps one more, within the limits.
void keep(Published& published, worker::Publish publish, const std::string& problem);

// `problem`: what is wrong with the answer's frame, or empty.
worker::Outcome outcome_of(worker::Answer answer, Published published, const std::string& problem);

}  // namespace penstock::sinks::process
