// The track: which Settle entries hold a subscription's attempts, for the track's retention and
// within its byte limit. The attempts themselves are bodies in the log.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

void track_attempts(Turn& turn, const model::Settle& command);
void expire_track(Turn& turn);  // timer

}  // namespace penstock::core
