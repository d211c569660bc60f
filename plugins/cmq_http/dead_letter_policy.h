// The deadLetterPolicy parameter: a JSON document inside a string. Pure, any thread.
#pragma once

#include "broker/api/requests.h"
#include "plugins/cmq_http/faults.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::plugins::cmq {

// Fills `spec`, or says what is wrong. `retention_s`: the queue's own, when the request sets it.
Failure parse_policy(std::string_view text,
                     std::optional<std::uint32_t> retention_s,
                     api::DeadLetterSpec& spec);

}  // namespace penstock::plugins::cmq
