// Conservation: nothing that was acknowledged is lost, nothing comes that was not sent, everything
// comes under one id, retries and dead letters as the policies say. Linear in the history. Pure.
#pragma once

#include "tests/nemesis/history.h"

namespace penstock::nemesis {

// Rules: lost, invented, failed_but_came, two_ids, not_pushed, died_early, received_too_often.
// The history ends with a drain: every queue was received from and deleted from until it was empty.
Findings check_conservation(const History& history);

}  // namespace penstock::nemesis
