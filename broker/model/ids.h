// The ids of the vocabulary. One number space for queues, topics and subscriptions: a number names
// one object for ever and is also the number of that object's log. Values, any thread.
#pragma once

#include "broker/base/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::model {

using SetId = Id<struct SetTag, std::uint16_t>;        // 12 bits; 0 is the set of names
using ObjectNo = Id<struct ObjectTag, std::uint32_t>;  // queue, topic or subscription; 0 is none
using QueueNo = ObjectNo;
using TopicNo = ObjectNo;
using SubscriptionNo = ObjectNo;

using NodeId = Id<struct NodeTag, std::uint64_t>;  // a broker; never given twice; 0 is none

using LogIndex = std::uint64_t;  // position of an entry in a set's replicated log, from 1
using Sequence =
    std::uint64_t;  // position of a message in a queue's or topic's log, from 1; 40 bits
using Generation = std::uint32_t;  // raised by every rewind and clear; 24 bits
using TimeMs = std::int64_t;       // Unix milliseconds, always cluster time (stamped on entries)

inline constexpr SetId names_set{0};
inline constexpr SetId first_data_set{1};

// An object where it lives. Set 0, which holds no such objects, means the set of whoever names it.
struct Place {
    SetId set;
    ObjectNo number;  // 0: none

    constexpr Place() = default;

    constexpr Place(ObjectNo here) : number(here) {}

    constexpr Place(SetId there, ObjectNo object) : set(there), number(object) {}

    // Back from to_number().
    static constexpr Place of(std::uint64_t number) {
        return {SetId{static_cast<std::uint16_t>(number >> 32)},
                ObjectNo{static_cast<std::uint32_t>(number)}};
    }

    friend constexpr auto operator<=>(const Place&, const Place&) = default;
};

// A place as one number; that of the object alone while no set is said.
constexpr std::uint64_t to_number(const Place& place) {
    return (std::uint64_t{place.set.value} << 32) | place.number.value;
}

inline constexpr unsigned set_bits = 12;
inline constexpr unsigned index_bits = 42;
inline constexpr unsigned ordinal_bits = 9;
inline constexpr std::uint32_t bodies_per_entry_max = 1U << ordinal_bits;  // 512

// Where a body lives, and the id of the message it belongs to: 0 | set 12 | index 42 | ordinal 9.
// Shown as decimal text. Tells where to ask; unique without a counter. 0 is no message.
struct MessageId {
    std::uint64_t value = 0;

    constexpr MessageId() = default;

    constexpr explicit MessageId(std::uint64_t number) : value(number) {}

    constexpr MessageId(SetId set, LogIndex index, std::uint32_t ordinal)
        : value((std::uint64_t{set.value} << (index_bits + ordinal_bits)) |
                (index << ordinal_bits) | ordinal) {}

    [[nodiscard]] constexpr SetId set() const {
        return SetId{static_cast<std::uint16_t>(value >> (index_bits + ordinal_bits))};
    }

    [[nodiscard]] constexpr LogIndex index() const {
        return (value >> ordinal_bits) & ((LogIndex{1} << index_bits) - 1);
    }

    [[nodiscard]] constexpr std::uint32_t ordinal() const {
        return static_cast<std::uint32_t>(value & (bodies_per_entry_max - 1));
    }

    friend constexpr auto operator<=>(const MessageId&, const MessageId&) = default;
};

// A message of a log: its id, and where its body lies. They differ once it has moved: a body is
// always in a log of the set that holds it.
struct MessageRef {
    MessageId id;
    MessageId body;
    std::uint32_t key = 0;  // its ordering key, hashed; 0: none

    constexpr MessageRef() = default;

    constexpr MessageRef(MessageId own) : id(own), body(own) {}

    constexpr MessageRef(MessageId message, MessageId place, std::uint32_t hashed_key = 0)
        : id(message), body(place), key(hashed_key) {}

    friend constexpr bool operator==(const MessageRef&, const MessageRef&) = default;
};

// The proof of one lease of one message: a sealed (sequence 40 | lease 24). Decimal text outside.
using Receipt = Id<struct ReceiptTag, std::uint64_t>;

// Decimal text of an id or receipt; nothing for other text (sign, blanks, overflow, empty).
std::optional<std::uint64_t> parse_decimal(std::string_view text);

inline std::string to_text(MessageId id) {
    return std::to_string(id.value);
}

inline std::string to_text(Receipt receipt) {
    return std::to_string(receipt.value);
}

}  // namespace penstock::model
