// What passes between two data sets. The source keeps an outbox per target: rows numbered from 1
// without a gap, each with a reference to its body. Its leader proposes them to the target as
// Transfers, in order; the target handles every number once and always answers; the answers, an
// entry on the source, end the rows. Either side may crash, resend and repeat at any moment.
// Values, any thread.
#pragma once

#include "broker/model/attempt.h"
#include "broker/model/ids.h"
#include "broker/model/refusal.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::model {

// Why a message is dead, kept with it in the dead-letter queue.
struct DeadInfo {
    Place source;             // queue or subscription it came from; an output: where it should go
    std::string source_name;  // as shown
    Failure failure = Failure::none;
    std::uint16_t status = 0;
    std::uint32_t attempts = 0;
    std::string excerpt;
    std::string log;  // end of a function's stderr
    TimeMs died_ms = 0;
    TimeMs first_logged_ms = 0;
    std::uint32_t redrives = 0;  // how often it had been sent back before it died this time

    friend bool operator==(const DeadInfo&, const DeadInfo&) = default;
};

// What the target is to do with the message.
enum class TransferKind : std::uint8_t {
    feed = 1,         // a topic's message for its subscriber queue
    send = 2,         // a handler's output to a queue
    publish = 3,      // a handler's output to a topic
    dead_letter = 4,  // into a dead-letter queue
    redrive = 5,      // a dead letter goes back: to a subscription, a queue or a topic
};

constexpr bool carries_dead_info(TransferKind kind) {
    return kind == TransferKind::dead_letter || kind == TransferKind::redrive;
}

// Limits of an outbox, per target. What does not fit waits where it is.
inline constexpr std::uint64_t outbox_messages_max = 100'000;
inline constexpr std::size_t transfer_answers_max = 1'000;  // in one TransfersAnswered
inline constexpr std::size_t transfer_detail_bytes_max = 256;

// On the target: message `number` of `source`'s outbox; its body is body `ordinal` of the entry.
// Replies Transferred, never a Refusal: taken or refused for a number that is next or was handled
// (a resend changes nothing and hears the same again), stale for one whose answer the source has
// said it knows, out_of_order for one that comes too early.
struct Transfer {
    SetId source;
    std::uint64_t number = 0;  // from 1
    std::uint64_t answered_to =
        0;  // the source knows the answers up to here: they may be forgotten
    TransferKind kind = TransferKind::send;
    ObjectNo object;    // of the target set
    MessageId message;  // its id, which it keeps
    std::uint32_t ordinal = 0;
    TimeMs not_before_ms = 0;  // send, publish: when a delay ends; 0: at once
    // feed, when the subscription keeps order: once one of its messages has been refused, so are
    // those behind it, until one comes that knows of it.
    SubscriptionNo in_order;
    std::uint64_t refused_to = 0;  // the subscription's last refused number, as the source knows it
    DeadInfo dead;                 // dead_letter, redrive
    friend bool operator==(const Transfer&, const Transfer&) = default;
};

enum class TransferOutcome : std::uint8_t { taken = 1, refused = 2, stale = 3, out_of_order = 4 };

struct TransferAnswer {
    TransferOutcome outcome = TransferOutcome::taken;  // taken or refused
    Reason reason = Reason::none;
    std::string detail;
    friend bool operator==(const TransferAnswer&, const TransferAnswer&) = default;
};

// On the source: the answers of `target` to numbers first, first + 1 ... They count only in order:
// what is answered already changes nothing, what is behind a gap neither. Replies Done.
struct TransfersAnswered {
    SetId target;
    std::uint64_t first = 0;
    std::vector<TransferAnswer> answers;  // at most transfer_answers_max
    friend bool operator==(const TransfersAnswered&, const TransfersAnswered&) = default;
};

// On a dead-letter queue's set, before a source in another set names it, and when it no longer
// does: what a policy within one set is checked for. Idempotent. Replies Done, or queue_not_found,
// dead_letter_nested, dead_letter_too_many_sources.
struct BindDeadLetter {
    QueueNo queue;
    Place source;             // queue or subscription of another set
    bool from_queue = false;  // only queues are counted against the limit
    bool bound = true;        // false: no longer
    friend bool operator==(const BindDeadLetter&, const BindDeadLetter&) = default;
};

struct Transferred {
    TransferOutcome outcome = TransferOutcome::taken;
    Reason reason = Reason::none;  // refused: why
    std::string detail;
    std::uint64_t next = 0;  // the number that may come next
    friend bool operator==(const Transferred&, const Transferred&) = default;
};

}  // namespace penstock::model
