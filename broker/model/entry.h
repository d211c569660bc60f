// Entry: one position of a set's log as the core meets it, and Effects: all that may leave the
// core. Values; an Entry is applied on the broker thread.
#pragma once

#include "broker/model/command.h"
#include "broker/model/message.h"
#include "broker/model/rows.h"

#include <cstdint>
#include <vector>

namespace penstock::model {

struct Entry {
    SetId set;
    std::uint64_t term = 0;
    LogIndex index = 0;
    TimeMs time_ms = 0;  // max(previous entry's, leader's clock)
    std::vector<Command> commands;
    std::vector<BodyInfo> bodies;  // by ordinal; at most bodies_per_entry_max
    std::uint16_t level = 1;       // its format level (format.h), the same on every replica
};

// A body that nobody holds any longer: its bytes may go.
struct Release {
    LogIndex index = 0;
    std::uint32_t ordinal = 0;
    friend bool operator==(const Release&, const Release&) = default;
};

// A transactional message nobody confirmed: it was rolled back.
struct Unconfirmed {
    QueueNo queue;
    MessageId message;
    friend bool operator==(const Unconfirmed&, const Unconfirmed&) = default;
};

struct Effects {
    RowBatch batch;              // includes the applied index and the state hash
    std::vector<Reply> replies;  // one per command
    std::vector<Release> releases;
    std::vector<QueueNo> visible;         // queues in which something became receivable
    std::vector<SubscriptionNo> ready;    // subscriptions with something to hand out
    std::vector<SubscriptionNo> changed;  // created, set, rewound or removed: ask again
    std::vector<SetId> outbox;            // sets for which something is to be sent
    std::vector<ObjectNo> jobs;           // whose job goes on by what bodies say
    std::vector<QueueNo> checks;          // queues with producers to ask
    std::vector<Unconfirmed> unconfirmed;
    // Cluster time at which the next Tick is due; 0: at once (a job has more to do); nothing: none.
    std::optional<TimeMs> wake_ms;
};

}  // namespace penstock::model
