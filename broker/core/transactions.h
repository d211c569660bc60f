// Transactional messages of a queue. A prepared one has its id and holds its body from the send on;
// nobody sees it. Committed it is appended to the queue, with that moment as its log time; rolled
// back it counts as consumed. Who does not confirm is asked: a check falls due, waits for somebody
// who takes it, and counts once it is taken. One pause after the last one the message is rolled
// back, and so it is when the queue's retention is over. How it ended is known for a while, so that
// a confirmation may be repeated.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

inline constexpr std::uint64_t prepared_per_queue_max = 1'000'000;
inline constexpr TimeMs outcome_kept_ms = 600'000;

model::Reply prepare(Turn& turn, const model::Prepare& command);
model::Reply confirm(Turn& turn, const model::ConfirmTransactions& command);
model::Reply take_checks(Turn& turn, const model::TakeChecks& command);

// Timer: the message is to be checked, or to be ended, or forgotten; `due_ms` is when it was armed
// for. Message 0: what was prepared in a queue that is cleared or gone goes, some at a time.
void transaction_due(Turn& turn, ObjectNo queue, MessageId message, TimeMs due_ms);

// The queue was just cleared or deleted (its configuration erased): what is prepared in it is gone.
void forget_transactions(Turn& turn, ObjectNo queue);

// How many are prepared and not confirmed.
std::uint64_t open_transactions(const Turn& turn, ObjectNo queue);

}  // namespace penstock::core
