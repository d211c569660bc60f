// Timers: rows by due time. A Tick fires what is due in entry time, at most 1,000 items an entry;
// jobs are timers that arm themselves again at once until their work is done. A timer is never
// cancelled: when it fires, its handler compares what it was armed for with what is.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

enum class TimerKind : std::uint8_t {
    lease = 1,      // value: generation, {sequence, tag}
    retry = 2,      // value: generation, sequence
    delayed = 3,    // value: clears, count, first message, its body if elsewhere
    retention = 4,  // value: the due time it was armed with
    reclaim = 5,
    time_to_live = 6,  // value: the due time it was armed with
    dedup = 7,         // value: the dedup key
    track = 8,
    job = 9,           // value: the due time it was armed with
    cleanup = 10,      // of a subscription that is gone; value: generation
    kv_expiry = 11,    // value: the key
    parked = 12,       // object: the target set, unique: the number
    transaction = 13,  // unique: the message; 0: what a cleared or deleted queue left
};

void arm_timer(Turn& turn,
               TimeMs due_ms,
               TimerKind kind,
               ObjectNo object,
               std::uint64_t unique,
               std::string value = {});

// Fires what is due. True when something due is left (the bound was reached).
bool fire_due_timers(Turn& turn);

// Due time of the first timer, nothing when there is none. `from` is Globals::fired_ms.
std::optional<TimeMs> first_timer_due(const model::Rows& rows, TimeMs from);

}  // namespace penstock::core
