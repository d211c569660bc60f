// Where letters went back to, and how old what waits is: reads of a data set's rows for the track
// and the figures. Pure functions over Rows, bounded work each, broker thread.
#pragma once

#include "broker/core/data_query.h"

namespace penstock::core {

// Where the letter came from that had this sequence in the dead-letter queue, also when it has been
// sent back since; the queue itself once its rows are gone.
ObjectNo source_of_letter(const Rows& rows, QueueNo queue, Sequence sequence);

// Log time of the oldest message of the topic's log that the subscription is not done with; 0:
// none. Letters that were sent back do not count. Bounded search.
TimeMs oldest_open_ms(const Rows& rows, SubscriptionNo subscription);

}  // namespace penstock::core
