// What a handler wants published together with its acknowledgement, as the dispatcher takes it:
// gathered line by line from a worker, or listed in an answer. Pure functions, any thread.
#pragma once

#include "broker/api/dispatch.h"
#include "sinks/worker/protocol.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::worker {

// All that one message may publish.
inline constexpr std::size_t output_bytes_max = 1 << 20;

// What was published for one message before its answer, or in it.
struct Published {
    std::vector<api::HandlerOutput> outputs;
    std::size_t bytes = 0;
    std::string problem;  // why it cannot be published as it is; the first reason
};

// What a message to publish takes of output_bytes_max: its body. Names, tags and keys beyond what
// any message may have count too: they wait in memory until the core refuses them.
std::size_t counted_bytes(const Publish& publish);

api::HandlerOutput make_output(Publish publish);

// Keeps one more, within the limits. `problem`: what is wrong with it, or empty.
void keep(Published& published, Publish publish, const std::string& problem);

// What the JSON object `answer` lists as "publish": items as the worker's publish frames without
// type and id. One that is wrong is the problem of all.
Published published_by(std::string_view answer);

}  // namespace penstock::sinks::worker
