// What can be asked about messages that are there: looking at them, changing delays, dead letters,
// and the jobs that send many of them on their way again. Part of requests.h. Values, any thread.
#pragma once

#include "broker/model/job.h"
#include "broker/model/message.h"
#include "broker/model/transaction.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::api {

struct Nothing {};

// Of a list: whose objects, by the name of their account (the server's own has none); absent: all.
// Set by TenantBroker (tenancy.h); what a way in puts there counts for keys that see all.
using OfAccount = std::optional<std::string>;

// ---- looking -----------------------------------------------------------------------------------

struct PeekedMessage {
    std::uint64_t position = 0;
    model::MessageId id;
    model::MessageMeta meta;
    std::string payload;
    // visible, in_flight, delayed, deleted, retained, prepared, moving, damaged, sealed (its key
    // cannot be had now)
    std::string state;
    std::uint32_t receives = 0;
    model::TimeMs sent_ms = 0;
    // delayed: when it becomes visible; in flight: end of the lease; prepared: when its producer is
    // asked next, or it is rolled back; 0: a check waits for a producer
    model::TimeMs due_ms = 0;
    std::uint32_t checks = 0;  // prepared: how often its producer was asked
};

struct PeekedPage {
    std::vector<PeekedMessage> items;
    std::uint64_t next = 0;  // 0: the end; a page may be short, even empty, and have a next one
};

// Messages of a queue or of a topic (one of the two), as they are: nothing is received or counted.
struct PeekMessages {
    using Reply = PeekedPage;
    std::string queue;
    std::string topic;
    // queue: visible, in_flight, delayed, deleted, prepared; topic: retained, delayed
    std::string state;
    model::MessageFilter filter;
    std::uint64_t first = 0;
    std::uint32_t limit = 50;  // 1-1000
};

// Moves a delayed message of a queue or of a topic to another due time, or takes it back.
struct ChangeDelayed {
    using Reply = Nothing;
    std::string queue;
    std::string topic;
    model::MessageId id;
    bool cancel = false;
    model::TimeMs due_ms = 0;  // 0: `delay_s` from now
    std::uint32_t delay_s = 0;
};

// ---- transactional messages --------------------------------------------------------------------

struct ConfirmedTransactions {
    std::vector<model::ConfirmResult> results;  // per item
};

// Commits prepared messages of a queue, or rolls them back. Repeating it is safe.
struct ConfirmTransactions {
    using Reply = ConfirmedTransactions;
    std::string queue;
    std::vector<model::ConfirmTransactions::Item> items;  // 1-100
};

struct TakenChecks {
    std::vector<model::TransactionCheck> items;  // empty: none fell due in time
};

// Takes messages whose producer is to be asked what became of its transaction, to ask it. Each
// counts as a check from then on. Waits up to `wait_s` for one to fall due.
struct TakeChecks {
    using Reply = TakenChecks;
    std::string queue;
    std::uint32_t max = 16;    // 1-100
    std::uint32_t wait_s = 0;  // 0-30
};

// ---- dead letters ------------------------------------------------------------------------------

struct DeadLetterView {
    model::Sequence sequence = 0;
    model::MessageId id;
    model::MessageMeta meta;
    std::string payload;
    std::string state;   // visible, in_flight, damaged, sealed (its key cannot be had now)
    std::string source;  // queue name or TOPIC/NAME; empty: sent here directly
    std::string reason;
    std::uint16_t status = 0;
    std::uint32_t attempts = 0;
    std::uint32_t redrives = 0;
    std::string excerpt;
    std::string log;  // end of a function's stderr
    model::TimeMs died_ms = 0;
    model::TimeMs sent_ms = 0;
};

struct DeadLetterPage {
    std::string queue;
    std::vector<DeadLetterView> items;
    model::Sequence next = 0;  // 0: the end; a page may be short, even empty, and have a next one
};

struct ListDeadLetters {
    using Reply = DeadLetterPage;
    std::string queue;  // a queue's name or TOPIC/NAME for its automatic one
    model::Sequence first = 0;
    std::uint32_t limit = 50;  // 1-1000
    model::MessageFilter filter = {};
    bool bodies = true;
};

struct FindDeadLetter {
    using Reply = DeadLetterView;
    std::string queue;
    model::MessageId id;
};

struct JobStarted {
    std::uint64_t messages = 0;  // at most
    std::uint64_t job = 0;       // 0: a preview, or letters that were named
};

// Sends letters back where they came from: the named ones, or those the filter means.
struct RedriveDeadLetters {
    using Reply = JobStarted;
    std::string queue;
    std::vector<model::MessageId> messages;  // at most 1,000
    bool preview = false;                    // only count
    model::MessageFilter filter = {};
    std::uint32_t rate_per_s = 0;
};

struct EditedLetter {
    model::MessageId id;  // the new one
};

// Sends one letter back with another body; its attributes name the old id.
struct EditDeadLetter {
    using Reply = EditedLetter;
    std::string queue;
    model::MessageId id;
    std::vector<model::NewMessage> messages;  // exactly one
};

inline constexpr std::string_view edited_from_attribute = "penstock-edited-from";

// ---- jobs --------------------------------------------------------------------------------------

// Delivers a topic's retained messages to one subscription once more.
struct ReplayMessages {
    using Reply = JobStarted;
    std::string topic;
    std::string name;
    model::MessageFilter filter = {};  // failures and status do not apply
    std::uint32_t rate_per_s = 0;
    bool preview = false;
};

struct JobView {
    std::string kind;
    std::string state;
    std::string object;  // the dead-letter queue, or TOPIC/NAME
    std::uint64_t number = 0;
    model::MessageFilter filter;
    std::uint32_t rate_per_s = 0;
    std::uint64_t total = 0;      // messages it goes through
    std::uint64_t looked_at = 0;  // of these
    std::uint64_t taken = 0;      // sent on their way
    std::uint64_t open = 0;       // replay: under way to the receiver
    std::uint64_t failed = 0;     // replay: ended as dead letters
    model::TimeMs started_ms = 0;
    model::TimeMs ended_ms = 0;
    model::TimeMs now_ms = 0;
};

// The job of a dead-letter queue or subscription that is under way, or was the last.
struct GetJob {
    using Reply = JobView;
    model::JobKind kind = model::JobKind::redrive;
    std::string name;  // as for ListDeadLetters; replay: TOPIC/NAME
};

struct ChangeJob {
    using Reply = JobView;
    model::JobKind kind = model::JobKind::redrive;
    std::string name;
    model::JobAction action = model::JobAction::cancel;
};

}  // namespace penstock::api
