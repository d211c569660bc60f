// The inbox: messages of other sets' outboxes, each handled once. The highest number handled is
// kept per source, and every refusal above what the source knows to be answered: a resend, however
// late, finds the same answer.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// Refusals that one Transfer may forget, once the source knows them.
inline constexpr std::uint32_t refusals_forgotten_max = 16;

model::Reply transfer(Turn& turn, const model::Transfer& command);

}  // namespace penstock::core
