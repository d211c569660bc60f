// What an endpoint publishes by its answer, where its subscription lets it: {"publish":[...]} in a
// 2xx answer, in the form of functions (sinks/worker/published.h). It commits with the
// acknowledgement or not at all. Pure functions, any thread.
#pragma once

#include "sinks/client/http_client.h"
#include "sinks/sink.h"

#include <cstddef>

namespace penstock::sinks::http {

// Of an answer that may publish; what is longer fails the attempt.
inline constexpr std::size_t output_answer_bytes_max = 1 << 20;

// Takes the outputs out of the answer to an accepted delivery. An answer that is no JSON object
// publishes nothing; one that begins as such and cannot be used makes the attempt a failed one.
void take_outputs(const client::Exchange& exchange, AttemptResult& result);

}  // namespace penstock::sinks::http
