// Keys of a data set's rows. One prefix byte per kind of row, then big-endian numbers, so that the
// rows of one object and kind lie together and sort by sequence, block or due time.
//
//   !state                                   progress: time, hash
//   g                                        globals: receipt key, timers' lower bound, track
//   q object | t object | s object           configuration of a queue, topic, subscription
//   u topic subscription                     subscriptions of a topic
//   d queue source                           queues and subscriptions that dead-letter into a queue
//   h object                                 head of a log
//   p object                                 delivery state of a queue or subscription
//   l object last_sequence                   run of messages of a log, found by seeking a sequence
//   b index                                  holders per body of an entry
//   x object generation sequence             exception: leased, waiting, ready again
//   r object generation sequence             exceptions that are ready
//   m object generation block                settled out of order, a bitmap of 4,096 sequences
//   D queue block                            deleted for good though the log still has it, likewise
//   f subscription block                     matches of a filtered subscription, likewise
//   y object message                         delayed message
//   w due kind object sequence...            timer
//   z object sequence                        why the message of a dead-letter queue died
//   k object dedup_key                       dedup window
//   c subscription role version              script of a subscription
//   n subscription key                       key-value store of a function
//   o subscription                           how much that holds
//   a subscription ~attempts | e index       track: attempts, newest first; their expiry
//   j object                                 job: redrive, replay
//   v object sequence                        quarantined
//   O set number | P set                     outbox for another set, its head
//   R set number                             parked: refused there, to be tried again
//   i set | A set number                     inbox from another set: its head, refusals
//   K object generation key sequence         exceptions of an ordering key, or of a queue's lane
//   B queue subscription                     feeds in order are refused from this number on
//   T queue message                          transactional message, prepared or ended
//   E queue message                          of these: its producer is to be asked
//   C queue                                  how many of them
#pragma once

#include "broker/model/function.h"
#include "broker/model/ids.h"

#include <string>
#include <string_view>

namespace penstock::core {

using model::Generation;
using model::LogIndex;
using model::MessageId;
using model::MessageRef;
using model::ObjectNo;
using model::Sequence;
using model::TimeMs;

namespace keys {

inline constexpr std::string_view applied = "!applied";
inline constexpr std::string_view state = "!state";
inline constexpr std::string_view globals = "g";

inline constexpr std::uint64_t block_sequences = 4096;

inline constexpr std::uint64_t block_of(Sequence sequence) {
    return sequence / block_sequences;
}

std::string config(char kind, ObjectNo object);  // kind: q, t or s
std::string topic_subscription(ObjectNo topic, ObjectNo subscription);
std::string dead_letter_source(ObjectNo queue, ObjectNo source);
std::string head(ObjectNo log);
std::string delivery(ObjectNo object);
std::string run(ObjectNo log, Sequence last);

inline bool is_run(std::string_view key) {
    return key.starts_with('l');
}

std::string bodies(LogIndex index);
std::string exception(ObjectNo object, Generation generation, Sequence sequence);
std::string ready(ObjectNo object, Generation generation, Sequence sequence);
std::string of_key(ObjectNo subscription,
                   Generation generation,
                   std::uint32_t key,
                   Sequence sequence);
std::string settled(ObjectNo object, Generation generation, std::uint64_t block);
std::string gone(ObjectNo queue, std::uint64_t block);
std::string matches(ObjectNo subscription, std::uint64_t block);
std::string delayed(ObjectNo object, MessageId message);
std::string timer(TimeMs due_ms, std::uint8_t kind, ObjectNo object, std::uint64_t unique);
std::string timers_from(TimeMs due_ms);
std::string dead(ObjectNo queue, Sequence sequence);
std::string dedup(ObjectNo object, std::string_view key);
std::string track(ObjectNo subscription, MessageId attempts);
std::string track_expiry(LogIndex index);
std::string job(ObjectNo object);
std::string quarantined(ObjectNo object, Sequence sequence);
std::string outbox(model::SetId target, std::uint64_t number);
std::string outbox_head(model::SetId target);
std::string parked(model::SetId target, std::uint64_t number);
std::string inbox_head(model::SetId source);
std::string refused(model::SetId source, std::uint64_t number);
std::string blocked(ObjectNo queue, ObjectNo subscription);
std::string transaction(ObjectNo queue, MessageId message);
std::string transaction_check(ObjectNo queue, MessageId message);
std::string transaction_totals(ObjectNo queue);
std::string script(ObjectNo subscription, model::ScriptRole role, std::uint32_t version);
std::string script_end(ObjectNo subscription, model::ScriptRole role);
std::string kv(ObjectNo subscription, std::string_view key);
std::string kv_totals(ObjectNo subscription);

// All rows of one object and kind: [prefix(kind, object), prefix_end(kind, object)).
std::string prefix(char kind, ObjectNo object);
std::string prefix_end(char kind, ObjectNo object);

// The last 8 bytes of a key as a number, and the 4 bytes behind the prefix byte.
std::uint64_t last_u64(std::string_view key);
ObjectNo object_of(std::string_view key);
ObjectNo last_object(std::string_view key);  // the last 4 bytes

}  // namespace keys
}  // namespace penstock::core
