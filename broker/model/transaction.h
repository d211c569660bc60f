// Transactional messages: prepared in a queue, seen by nobody, until their producer commits them or
// rolls them back. Who does not confirm is asked, some times, and then the message is rolled back.
// Values, any thread.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::model {

// Of a queue that takes transactional messages; whether it does is fixed when it is made.
struct TransactionPolicy {
    std::uint32_t first_query_s = 5;  // 1-3600: from the send to the first check, and between them
    std::uint32_t queries_max = 15;   // 1-1000 checks; one more pause later it is rolled back

    friend bool operator==(const TransactionPolicy&, const TransactionPolicy&) = default;
};

inline constexpr std::uint32_t first_query_s_max = 3'600;
inline constexpr std::uint32_t queries_most = 1'000;
inline constexpr std::size_t confirm_items_max = 100;
inline constexpr std::size_t checks_taken_max = 100;

// Bodies first_ordinal .. +count-1 of the entry are stored and prepared. Replies Sent, or
// not_transactional and what a Send is refused for.
struct Prepare {
    QueueNo queue;
    std::uint32_t first_ordinal = 0;
    std::uint32_t count = 1;
    std::uint32_t first_query_s = 0;  // 0: the queue's
    std::string dedup_key;            // as for Send
    friend bool operator==(const Prepare&, const Prepare&) = default;
};

// Replies Confirmed with one result per item: an item that cannot be leaves the others alone.
struct ConfirmTransactions {
    struct Item {
        MessageId message;
        bool commit = false;  // false: rolled back
        friend bool operator==(const Item&, const Item&) = default;
    };

    QueueNo queue;
    std::vector<Item> items;  // at most confirm_items_max
    friend bool operator==(const ConfirmTransactions&, const ConfirmTransactions&) = default;
};

// Somebody who can tell takes messages whose producer is to be asked; each is counted as a check.
// Replies ChecksTaken, possibly empty.
struct TakeChecks {
    QueueNo queue;
    std::uint32_t max = 1;  // 1-checks_taken_max
    friend bool operator==(const TakeChecks&, const TakeChecks&) = default;
};

enum class ConfirmResult : std::uint8_t {
    done = 0,       // now, or the same was said before
    unknown = 1,    // never prepared here, cleared, or ended over 10 minutes ago
    otherwise = 2,  // it had ended the other way
};

struct Confirmed {
    std::vector<ConfirmResult> results;
    friend bool operator==(const Confirmed&, const Confirmed&) = default;
};

struct TransactionCheck {
    MessageId message;
    std::uint32_t checks = 0;  // with this one
    friend bool operator==(const TransactionCheck&, const TransactionCheck&) = default;
};

struct ChecksTaken {
    std::vector<TransactionCheck> items;
    friend bool operator==(const ChecksTaken&, const ChecksTaken&) = default;
};

}  // namespace penstock::model
