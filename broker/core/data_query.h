// Reads of a data set's rows. Pure functions over Rows, bounded work each, broker thread.
#pragma once

#include "broker/model/attempt.h"
#include "broker/model/objects.h"
#include "broker/model/rows.h"
#include "broker/model/transfer.h"

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace penstock::core {

using model::DeadInfo;
using model::Generation;
using model::MessageId;
using model::ObjectNo;
using model::QueueNo;
using model::Rows;
using model::Sequence;
using model::SubscriptionNo;
using model::TimeMs;
using model::TopicNo;

struct QueueCounts {
    std::uint64_t active = 0;    // visible
    std::uint64_t inactive = 0;  // leased
    std::uint64_t delayed = 0;
    std::uint64_t parked = 0;      // visible, but behind others of their key: ordered queues
    std::uint64_t rewindable = 0;  // deleted, still within the rewind window
    TimeMs oldest_ms = 0;          // log time of the oldest message not consumed; 0: none
    std::uint64_t prepared = 0;    // transactional messages that are not confirmed
    // Of those, ever: how they ended. Unconfirmed: rolled back because nobody said anything.
    std::uint64_t committed = 0;
    std::uint64_t rolled_back = 0;
    std::uint64_t unconfirmed = 0;
};

struct QueueInfo {
    QueueNo queue;
    std::string name;
    model::QueueKind kind = model::QueueKind::user;
    model::QueueAttributes attributes;
    TimeMs created_ms = 0;
    TimeMs modified_ms = 0;
    QueueCounts counts;
};

std::optional<QueueInfo> queue_info(const Rows& rows, QueueNo queue);

// How many messages a Lease may find now; of an ordered queue some may be behind others of their
// key. Cheap: two rows.
std::uint64_t receivable(const Rows& rows, QueueNo queue);

// Queues whose dead-letter policy names `queue`.
std::vector<QueueNo> dead_letter_sources(const Rows& rows, QueueNo queue);

// A queue or subscription, of this set or another, whose dead letters go to `queue`.
struct DeadLetterBinding {
    QueueNo queue;
    ObjectNo source;
};

// Those behind `after`, in order, at most `limit`.
std::vector<DeadLetterBinding> dead_letter_bindings(const Rows& rows,
                                                    const DeadLetterBinding& after,
                                                    std::size_t limit);

// The highest number of an object with rows here, or that rows here name as a queue they send to or
// as the source of dead letters; 0: there is none.
ObjectNo highest_number(const Rows& rows);

struct TopicInfo {
    TopicNo topic;
    std::string name;
    model::TopicAttributes attributes;
    TimeMs created_ms = 0;
    TimeMs modified_ms = 0;
    std::uint64_t messages = 0;  // retained
    std::uint32_t subscriptions = 0;
};

std::optional<TopicInfo> topic_info(const Rows& rows, TopicNo topic);

struct SubscriptionInfo {
    SubscriptionNo subscription;
    TopicNo topic;
    std::string topic_name;
    std::string name;  // without the topic
    model::SubscriptionSpec spec;
    TimeMs created_ms = 0;
    TimeMs modified_ms = 0;
    Generation generation = 0;
    std::uint64_t backlog = 0;    // matched, not yet settled
    std::uint64_t waiting = 0;    // of these: failed at least once, waiting for a retry
    std::uint64_t dropped = 0;    // exhausted without a dead-letter queue
    std::uint64_t discarded = 0;  // a filter or handler wanted them gone
};

std::optional<SubscriptionInfo> subscription_info(const Rows& rows, SubscriptionNo subscription);
std::vector<SubscriptionNo> subscriptions_of(const Rows& rows, TopicNo topic);
std::vector<SubscriptionNo> all_subscriptions(const Rows& rows);

// Subscriptions whose messages go to a queue, behind `after`, in order. Looks at a bounded number:
// a page may be empty and have a next one.
struct FedQueue {
    SubscriptionNo subscription;
    model::Place queue;
    std::string name;  // that the queue had when it was named
};

struct FedQueuesPage {
    std::vector<FedQueue> items;
    SubscriptionNo last;  // that was looked at; 0: the end
};

FedQueuesPage fed_queues(const Rows& rows, SubscriptionNo after);

// Scripts of a subscription that are kept, by role and version.
std::vector<model::Script> scripts_of(const Rows& rows, SubscriptionNo subscription);
std::optional<model::Script> script_of(const Rows& rows,
                                       SubscriptionNo subscription,
                                       model::ScriptRole role,
                                       std::uint32_t version);

// A row of the subscription's key-value store; `now_ms` is cluster time. Version 0: there is none.
struct KvValue {
    std::uint64_t version = 0;
    std::string value;
};

KvValue kv_value(const Rows& rows,
                 SubscriptionNo subscription,
                 std::string_view key,
                 TimeMs now_ms);

// What may be handed out, beginning at `fresh`. Retries that are due come first; a subscription
// that keeps order gets only its oldest failing message while one is failing.
struct ReadyItem {
    Sequence sequence = 0;
    Generation generation = 0;
    std::uint32_t attempt = 1;  // the number this attempt will have
    MessageId message;
    TimeMs logged_ms = 0;
    MessageId body;            // where its bytes are
    std::uint64_t replay = 0;  // the job that replays it; 0: none
    std::uint32_t key = 0;     // its ordering key, of one that was never handed out
    bool behind_key = false;   // an earlier message of that key is not done: not to be tried
};

struct ReadyPage {
    std::vector<ReadyItem> items;
    Generation generation = 0;
    Sequence fresh = 0;  // where to go on
    bool more = false;   // stopped by a limit: ask again
};

// `fresh` is the first sequence never handed out (0: from the cursor). Looks at no more than
// `scan_max` sequences. Of what failed before `due_first` come before what is fresh, more behind
// it.
ReadyPage ready_deliveries(const Rows& rows,
                           SubscriptionNo subscription,
                           Sequence fresh,
                           std::uint32_t limit,
                           std::uint32_t scan_max,
                           std::uint32_t due_first = std::numeric_limits<std::uint32_t>::max());

struct DeadLetter {
    Sequence sequence = 0;
    MessageId message;
    MessageId body;  // where its bytes are
    TimeMs logged_ms = 0;
    std::string state;  // visible, in_flight, moving
    std::uint32_t receives = 0;
    std::optional<DeadInfo> dead;  // nothing: it was sent to the queue directly
};

struct DeadLetterPage {
    std::vector<DeadLetter> items;
    Sequence next = 0;  // 0: the end
};

// Messages of a queue that are not deleted, in order from `first` on; with `takes` only those it
// says true to. Looks at a bounded number: a page may be short, even empty, and have a next one.
using TakesLetter = std::function<bool(const DeadLetter&)>;
DeadLetterPage dead_letters(const Rows& rows,
                            QueueNo queue,
                            Sequence first,
                            std::uint32_t limit,
                            const TakesLetter& takes = {});

// Deliveries of a subscription that failed and wait, in sequence order.
struct WaitingDelivery {
    Sequence sequence = 0;
    MessageId message;
    MessageId body;  // where its bytes are
    std::uint32_t attempts = 0;
    TimeMs due_ms = 0;
    model::Failure failure = model::Failure::none;
    std::uint16_t status = 0;
    std::string why;  // retry, deferred, ready, behind_key, exhausted, dead_letter_queue, moving
    bool parked = false;  // behind_key, exhausted
};

std::vector<WaitingDelivery> waiting_deliveries(const Rows& rows,
                                                SubscriptionNo subscription,
                                                Sequence first,
                                                std::uint32_t limit);

// The sequence of a delivery that waits; nothing: that message does not wait.
std::optional<Sequence> find_waiting(const Rows& rows,
                                     SubscriptionNo subscription,
                                     MessageId message);

// An acknowledgement that came to something else than its attempt says, which was written before:
// Failure::kv_moved, the message was handled again and nothing counts, or output_refused.
struct AmendedAttempt {
    Sequence sequence = 0;
    model::Failure failure = model::Failure::none;
    std::string excerpt;
};

// Where the attempts of a subscription are: one row per Settle entry, newest first.
struct TrackRow {
    MessageId attempts;  // the body that holds them
    TimeMs time_ms = 0;
    Sequence first = 0;
    Sequence last = 0;
    std::uint32_t count = 0;
    std::uint32_t failed = 0;
    std::vector<AmendedAttempt> amended;
};

// Rows older than the one whose attempts are `before` (0: newest) down to entry index `oldest`.
std::vector<TrackRow> track_rows(const Rows& rows,
                                 SubscriptionNo subscription,
                                 MessageId before,
                                 model::LogIndex oldest,
                                 std::uint32_t limit);

// Where a message stands now: one line per log that holds it or a subscription that matched it.
struct MessagePlace {
    ObjectNo object;  // queue, topic or subscription
    Sequence sequence = 0;
    std::string state;  // visible, in_flight, delayed, deleted, waiting, delivered, not_matched,
                        // dead, moving, behind_key, exhausted, prepared, rolled_back, unconfirmed
    std::uint32_t count = 0;  // receives, attempts or checks
    TimeMs due_ms = 0;
};

// `holder` is the topic or queue the message was sent to, `sent_ms` its entry's time (both known
// from the entry in the log). Bounded search: a place in a very busy log may be missing.
std::vector<MessagePlace> message_places(const Rows& rows,
                                         MessageId message,
                                         ObjectNo holder,
                                         TimeMs sent_ms);

// Live bodies, for the log store: ordinals of an entry still held by some log.
std::vector<std::uint32_t> live_ordinals(const Rows& rows, model::LogIndex index);

// Visits entries with live bodies from `first` on, at most `limit`; gives the index to go on with
// (0: done).
model::LogIndex count_live(const Rows& rows,
                           model::LogIndex first,
                           std::uint32_t limit,
                           const std::function<void(model::LogIndex, std::uint32_t bodies)>& visit);

struct SetProgress {
    model::LogIndex applied = 0;
    TimeMs time_ms = 0;
    std::uint64_t state_hash = 0;
};

SetProgress progress(const Rows& rows);  // both kinds of set

}  // namespace penstock::core
