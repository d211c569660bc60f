// Reads of a data set's outbox for the node that sends it. Pure functions over Rows, bounded work
// each, broker thread.
#pragma once

#include "broker/model/rows.h"
#include "broker/model/transfer.h"

#include <cstdint>
#include <set>
#include <vector>

namespace penstock::core {

struct OutboxItem {
    model::Transfer transfer;  // without source and ordinal
    model::MessageId body;     // where the bytes are
    // A topic's message for one more queue: its bytes are those of the item before it, and one copy
    // of them is enough for both.
    bool shares_body = false;
};

// What is to be sent to `target`, numbers above `after`, in order, at most `limit` with at most
// `bodies_max` copies of bodies. Each carries what the set knows now to be answered.
std::vector<OutboxItem> outbox_due(const model::Rows& rows,
                                   model::SetId target,
                                   std::uint64_t after,
                                   std::uint32_t limit,
                                   std::uint32_t bodies_max);

// The lowest number for `target` without an answer.
std::uint64_t outbox_first(const model::Rows& rows, model::SetId target);

struct OutboxFigures {
    model::SetId target;
    std::uint64_t first = 1;      // lowest number without an answer
    std::uint64_t waiting = 0;    // without an answer
    model::TimeMs oldest_ms = 0;  // when the oldest of them was put there; 0: none
    std::uint64_t refused = 0;    // answers so far that were refusals
    std::uint64_t parked = 0;     // handlers' outputs that were refused and wait for another try
    std::uint64_t dropped = 0;    // refused outputs that had no dead-letter queue to go to
};

OutboxFigures outbox_figures(const model::Rows& rows, model::SetId target);

// Queues of which letters are on their way back to where they died: those return if they are
// refused. Looks at a bounded number of rows, each of which it decodes: ask once for many queues.
struct LettersOnTheWay {
    std::set<model::QueueNo> from;
    bool more = false;  // too much is on its way to look at all of it: it may be any queue's

    [[nodiscard]] bool may_be_of(model::QueueNo queue) const {
        return more || from.contains(queue);
    }
};

LettersOnTheWay letters_on_the_way(const model::Rows& rows);

// Sets for which there was ever something to send.
std::vector<model::SetId> outbox_targets(const model::Rows& rows);

}  // namespace penstock::core
