// The track: which Settle entries hold a subscription's attempts, for the track's retention and
// within its byte limit. The attempts themselves are bodies in the log.
#pragma once

#include "broker/core/data_query.h"
#include "broker/core/turn.h"

#include <vector>

namespace penstock::core {

// `amended`: what of it came to something else.
void track_attempts(Turn& turn, const model::Settle& command, std::vector<AmendedAttempt> amended);
void expire_track(Turn& turn);  // timer

}  // namespace penstock::core
