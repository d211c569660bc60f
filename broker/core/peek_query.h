// Looking at messages without touching them: those of a queue by their state, those a topic
// retains, those that wait for their delay to end. Pure functions over Rows, a bounded number of
// rows a call, broker thread.
#pragma once

#include "broker/core/data_query.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace penstock::core {

enum class PeekState : std::uint8_t {
    visible,
    in_flight,  // leased, or on its way to a dead-letter queue elsewhere
    delayed,
    deleted,   // consumed, and still there for a rewind
    retained,  // of a topic: everything published that is still there
    prepared,  // transactional, not confirmed
};

struct PeekedMessage {
    std::uint64_t position = 0;  // sequence; delayed, prepared: the message's id
    MessageId message;
    MessageId body;  // where its bytes are
    TimeMs sent_ms = 0;
    TimeMs due_ms = 0;  // delayed: when it becomes visible; leased: when the lease ends; prepared:
                        // the next check or the end, 0 when a check waits for a producer
    std::uint32_t receives = 0;
    std::uint32_t checks = 0;  // prepared: how often its producer was asked
    bool moving = false;
};

struct PeekPage {
    std::vector<PeekedMessage> items;
    std::uint64_t next = 0;  // position to go on with; 0: the end
};

// Messages of a queue in that state, or of a topic (delayed or retained), from position `first` on
// (0: the beginning): oldest first, delayed ones in the order they were sent. A page may be short,
// even empty, and have a next one.
PeekPage peek_messages(
    const Rows& rows, ObjectNo object, PeekState state, std::uint64_t first, std::uint32_t limit);

// First position of a log whose log time is at or above `time_ms`.
std::uint64_t position_at(const Rows& rows, ObjectNo log, TimeMs time_ms);

}  // namespace penstock::core
