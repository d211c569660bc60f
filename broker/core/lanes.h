// Lanes: what an ordered queue keeps in order. Messages of one ordering key are a lane, those
// without a key another. Of each lane the oldest message alone is with a receiver, ready or on its
// way to a dead-letter queue; what a receive finds behind it is parked, and comes back when it is
// done. Every message that is no longer fresh has an exception, and a row by key (key_order.h),
// until it is done.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// Parked messages of one queue: a key whose receiver is slow holds up no others until so many wait
// behind it. Then nothing fresh is looked at before one of them is done.
inline constexpr std::uint64_t parked_per_queue_max = 20'000;

// Fresh messages of an ordered queue that one receive looks at: parking them is work, and others of
// the set wait meanwhile. A receive that found none comes again as long as there are more.
inline constexpr std::uint64_t looked_at_per_lease_max = 128;

// What a receive may find now: ready, or fresh and possibly not behind others.
std::uint64_t receivable_count(const LogHead& head, const DeliveryState& state);

// The lane of a message with this hashed ordering key (0: none); 0 when the queue keeps no order.
std::uint32_t lane_of(const QueueConfig& config, std::uint32_t key);

// True when a message of the lane before `sequence` is not done. Never in lane 0.
bool must_wait(Turn& turn, ObjectNo queue, std::uint32_t lane, Sequence sequence);

// A fresh message, or one that had an exception, waits behind another of its lane.
void park(Turn& turn, ObjectNo queue, Sequence sequence, Exception exception);

// Nobody has the message any more (its lease ended, its dead-letter queue refused it): it is ready,
// and receivers are woken, unless its lane makes it wait.
void come_back(Turn& turn, ObjectNo queue, Sequence sequence, Exception exception);

// The message is done and its exception erased: the next one of its lane is ready.
void leave_lane(
    Turn& turn, ObjectNo queue, const QueueConfig& config, std::uint32_t lane, Sequence sequence);

}  // namespace penstock::core
