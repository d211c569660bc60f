// Values of a data set's rows, with their byte forms. Each form begins with a version byte; reading
// a malformed one is a bug or damage below the rows' own checksums, so it stops the process.
#pragma once

#include "broker/core/block.h"
#include "broker/core/data_query.h"
#include "broker/core/keys.h"
#include "broker/model/command.h"
#include "broker/model/job.h"
#include "broker/model/objects.h"
#include "broker/model/transfer.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::core {

struct QueueConfig {
    std::string name;
    model::QueueKind kind = model::QueueKind::user;
    model::QueueAttributes attributes;
    TimeMs created_ms = 0;
    TimeMs modified_ms = 0;
};

struct TopicConfig {
    std::string name;
    model::TopicAttributes attributes;
    TimeMs created_ms = 0;
    TimeMs modified_ms = 0;
};

struct SubscriptionConfig {
    ObjectNo topic;
    std::string name;
    model::SubscriptionSpec spec;
    TimeMs created_ms = 0;
    TimeMs modified_ms = 0;
};

// A log: messages floor .. end-1 are retained; rows of floor and below go by and by (reclaimed).
struct LogHead {
    Sequence end = 1;             // the next message's
    Sequence floor = 1;           // first retained
    Sequence reclaimed = 1;       // below it no rows are left
    TimeMs retention_due_ms = 0;  // armed timer, 0: none
    bool reclaim_armed = false;
    std::uint64_t delayed = 0;  // waiting to get a sequence
    std::uint32_t clears = 0;   // delayed messages of an older count are gone
};

// Reading state over a log. Queues use `next` and leases; subscriptions hand out from the cursor.
struct DeliveryState {
    Sequence cursor = 1;  // all below are settled, expired or (filtered) not matched
    Sequence next = 1;    // queues: first never leased
    Generation generation = 0;
    std::uint64_t settled_above = 0;  // settled at or above the cursor
    std::uint64_t holes = 0;          // queues: of these, at or above next
    std::uint64_t exceptions = 0;     // leased (queue) or failing (subscription)
    std::uint64_t ready = 0;          // exceptions that are ready; not counted as leased
    std::uint64_t gone_blocks = 0;    // queues: rows of what no rewind brings back (gone.h)
    Sequence ready_low = 0;           // no ready row below it
    std::uint64_t leases = 0;         // ever given: tags receipts
    TimeMs rewound_ms = 0;
    TimeMs ttl_due_ms = 0;      // armed time-to-live timer, 0: none
    bool bitmapped = false;     // subscriptions: matches are bitmaps, not the whole log
    Sequence all_below = 0;     // bitmapped: below it everything matches
    std::uint64_t pending = 0;  // bitmapped: matches not settled
    std::uint64_t dropped = 0;  // exhausted without a dead-letter queue
    std::uint64_t quarantined = 0;
    std::uint64_t redriven = 0;       // ever: numbers the private sequences
    std::uint64_t redriven_open = 0;  // of these: not settled
    std::uint64_t discarded = 0;      // a filter or handler wanted them gone
    std::uint64_t transferring = 0;   // queue subscriptions: fed to another set, not yet answered
    std::uint64_t refused_to = 0;     // highest number of these that was refused
    std::uint64_t parked = 0;  // ordered queues: exceptions that are behind another of their key
};

// A run of consecutive messages: they came in one entry and share its log time.
struct Run {
    Sequence first = 0;  // from the key and the count
    TimeMs time_ms = 0;
    TimeMs sent_ms = 0;  // delayed messages: when they were sent; 0: at the log time
    std::uint16_t set = 0;
    LogIndex index = 0;
    std::vector<std::uint16_t> ordinals;
    std::vector<MessageId> ids;  // when one came from another set: of all; else the places' own
    std::vector<std::uint32_t> keys;  // hashed ordering keys, 0: none; empty: none has one

    [[nodiscard]] Sequence last() const { return first + ordinals.size() - 1; }

    [[nodiscard]] MessageId body(Sequence sequence) const {
        return MessageId{model::SetId{set}, index, ordinals[sequence - first]};
    }

    [[nodiscard]] MessageId id(Sequence sequence) const {
        return ids.empty() ? body(sequence) : ids[sequence - first];
    }

    [[nodiscard]] MessageRef message(Sequence sequence) const {
        return {id(sequence), body(sequence), key(sequence)};
    }

    [[nodiscard]] std::uint32_t key(Sequence sequence) const {
        return keys.empty() ? 0 : keys[sequence - first];
    }
};

// A message that is neither fresh nor settled.
struct Exception {
    enum class State : std::uint8_t {
        leased = 1,
        waiting = 2,
        ready = 3,
        dead = 4,
        moving = 5,
        parked = 6,
        exhausted = 7,
    };

    // dead: exhausted, its dead-letter queue takes nothing right now; moving: on its way to one in
    // another set, which has not answered; parked: an earlier message of its ordering key comes
    // first; exhausted: nobody tries it until it is released.
    State state = State::leased;
    std::uint32_t count = 0;    // receives or attempts so far
    std::uint32_t crashes = 0;  // processes that died with it in hand
    TimeMs due_ms = 0;          // end of lease, next attempt, next try of the dead-letter queue
    TimeMs first_ms = 0;        // first lease
    std::uint32_t tag = 0;      // lease: 24 bits, in the receipt
    model::Failure failure = model::Failure::none;
    std::uint16_t status = 0;
    std::string excerpt;
    std::string log;             // state dead only: goes with the letter
    MessageId message;           // redriven deliveries only: they are in no log
    MessageId body;              // likewise
    TimeMs published_ms = 0;     // redriven deliveries only
    std::uint32_t redrives = 0;  // likewise: how often it was sent back
    std::uint64_t replay = 0;    // replayed deliveries: the job's number
    std::uint32_t key = 0;       // ordered by key only: its ordering key, hashed, or its lane
    TimeMs deferred_ms = 0;      // since when it could not be tried; 0: it was, or never had to
};

// Value of a row of a dead-letter queue's sources: a queue of another set. Those of this set are
// known by their configuration.
inline constexpr std::string_view remote_queue_source = "q";

// Sequences of redriven deliveries: beyond every log's.
inline constexpr Sequence private_sequences = Sequence{1} << 39;
inline constexpr Sequence sequence_end = Sequence{1} << 40;

struct DedupRow {
    MessageId first;
    std::uint32_t count = 0;
    TimeMs expires_ms = 0;
};

// A message waiting for its delay to end; what matching will need then travels in the row.
struct DelayedRow {
    TimeMs sent_ms = 0;
    TimeMs due_ms = 0;  // timers that fire earlier are of a due time it no longer has
    MessageId body;
    std::vector<std::string> tags;
    std::string routing_key;
    std::string ordering_key;
};

// A transactional message, from its send until 10 minutes after its end.
struct TransactionRow {
    enum class State : std::uint8_t {
        waiting = 1,  // for its confirmation; the timer is that of the next check, or of the end
        asking = 2,   // for somebody who takes the check
        committed = 3,
        rolled_back = 4,
        unconfirmed = 5,  // rolled back because nobody confirmed it
    };

    State state = State::waiting;
    TimeMs sent_ms = 0;
    TimeMs due_ms = 0;  // of the one timer that counts
    TimeMs interval_ms = 0;
    std::uint32_t checks = 0;
    std::uint32_t clears = 0;  // of the queue's log: prepared before it was cleared, it is gone
    MessageId body;            // held by the row while it is open
    std::uint32_t key = 0;     // its ordering key, hashed

    [[nodiscard]] bool open() const { return state == State::waiting || state == State::asking; }
};

struct TransactionTotals {
    std::uint64_t open = 0;
    std::uint64_t asking = 0;     // of these
    std::uint64_t committed = 0;  // ever, as those below
    std::uint64_t rolled_back = 0;
    std::uint64_t unconfirmed = 0;
};

struct TrackExpiry {
    struct Item {
        ObjectNo subscription;
        std::uint32_t ordinal = 0;
    };

    TimeMs time_ms = 0;
    std::uint64_t bytes = 0;
    std::vector<Item> items;
};

struct Globals {
    std::array<std::uint64_t, 2> receipt_key{};
    std::uint32_t track_retention_s = 0;
    std::uint64_t track_bytes_max = 0;
    TimeMs fired_ms = 0;  // timers before it have fired
    bool track_armed = false;
    LogIndex track_low = 0;
    std::uint64_t track_bytes = 0;
};

// A row of a function's key-value store.
struct KvEntry {
    std::uint64_t version = 0;  // index of the entry that wrote it
    TimeMs expires_ms = 0;      // 0: never
    TimeMs armed_ms = 0;        // due time of the timer that stands for the row; 0: none
    std::string value;
};

struct KvTotals {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;   // keys and values
    std::uint64_t timers = 0;  // ever armed: tells them apart
};

// Who is told when a message of the outbox is answered.
enum class Origin : std::uint8_t {
    feed = 1,      // a subscription, for its subscriber queue
    output = 2,    // a subscription's handler published it
    delivery = 3,  // a subscription's dead letter; the delivery is moving
    queue = 4,     // a queue's dead letter; the message is moving
    redrive = 5,   // a letter that has left its dead-letter queue
};

// A message for another set, and what becomes of it here if it is refused there.
struct OutboxRow {
    model::TransferKind kind = model::TransferKind::send;
    ObjectNo object;  // of the target set
    MessageId message;
    MessageId body;  // held by this row
    TimeMs queued_ms = 0;
    TimeMs not_before_ms = 0;
    bool in_order = false;         // feed: the subscription keeps order
    std::uint64_t refused_to = 0;  // feed: as the subscription knew it
    Origin origin = Origin::output;
    ObjectNo from;  // the subscription, queue or dead-letter queue
    Sequence sequence = 0;
    Generation generation = 0;
    std::uint32_t count = 0;    // feed: attempts before; output: refusals
    std::uint32_t crashes = 0;  // feed
    TimeMs published_ms = 0;    // feed
    std::uint32_t clears = 0;   // redrive: of the dead-letter queue
    std::uint32_t key = 0;      // redrive: the ordering key, hashed
    DeadInfo dead;              // dead letters, redrive
};

// Numbers first .. next-1 of the outbox for one set wait for their answers.
struct OutboxHead {
    std::uint64_t first = 1;
    std::uint64_t next = 1;
    std::uint64_t refused = 0;  // ever
    std::uint64_t parked = 0;
    std::uint64_t parked_ever = 0;  // tells them apart
    std::uint64_t dropped = 0;
};

// What was handled of another set's outbox, and how far that set knows the answers. Refusals above
// that are rows of their own.
struct InboxHead {
    std::uint64_t through = 0;
    std::uint64_t answered_to = 0;
    std::uint64_t refusals = 0;  // rows
};

struct RefusalRow {
    model::Reason reason = model::Reason::none;
    std::string detail;
};

// Job of a queue (redrive) or subscription (replay): the one under way, or the last one.
struct JobRow {
    std::vector<Sequence> sequences;  // redrive: letters named one by one that are left
    // The rest is of the job over a range, which there may be besides.
    model::JobState state = model::JobState::none;
    model::JobKind kind = model::JobKind::redrive;
    std::uint64_t number = 0;  // index of the entry that started it
    model::MessageFilter filter;
    std::uint32_t rate_per_s = 0;
    Sequence first = 0;  // the range [first, end); it goes on at `next`
    Sequence next = 0;
    Sequence end = 0;
    TimeMs started_ms = 0;
    TimeMs ended_ms = 0;
    TimeMs paced_ms = 0;       // the pace is counted from here
    std::uint64_t paced = 0;   // taken since then
    std::uint64_t taken = 0;   // in all
    std::uint64_t open = 0;    // replay: deliveries that are not settled
    std::uint64_t failed = 0;  // replay: of those that are, dead
    TimeMs due_ms = 0;         // armed timer, 0: none
};

static_assert(Block::bits == keys::block_sequences);

std::string encode(const QueueConfig& value);
std::string encode(const TopicConfig& value);
std::string encode(const SubscriptionConfig& value);
std::string encode(const LogHead& value);
std::string encode(const DeliveryState& value);
std::string encode(const Run& value);
std::string encode(const Exception& value);
std::string encode(const DedupRow& value);
std::string encode(const DelayedRow& value);
std::string encode(const TransactionRow& value);
std::string encode(const TransactionTotals& value);
std::string encode(const TrackExpiry& value);
std::string encode(const Globals& value);
std::string encode(const JobRow& value);
std::string encode(const KvEntry& value);
std::string encode(const KvTotals& value);
std::string encode(const model::Script& value);
std::string encode(const DeadInfo& value);
std::string encode(const OutboxRow& value);
std::string encode(const OutboxHead& value);
std::string encode(const InboxHead& value);
std::string encode(const RefusalRow& value);
std::string encode(const TrackRow& value);
std::string encode(const Block& value);  // runs of ones while that is shorter than 512 bytes
std::string encode_holders(const std::vector<std::uint32_t>& holders);

// T is one of the types above; `bytes` must have been made by its encode.
template <class T>
T decode(std::string_view bytes);

// The value of a row; the default where there is none.
template <class T>
T load_or_default(const model::Rows& rows, const std::string& key) {
    const auto bytes = rows.get(key);
    return bytes ? decode<T>(*bytes) : T{};
}

Run decode_run(std::string_view key, std::string_view bytes);
std::vector<std::uint32_t> decode_holders(std::string_view bytes);

}  // namespace penstock::core
