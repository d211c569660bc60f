// Command: everything that can change a set, as values. The log orders commands and stamps their
// time; the core turns each into rows, effects and one Reply. Bodies are named by ordinal: the
// payload bytes stay in the log. Values, any thread.
//
// Adding one: a struct here, a tag and codec in command_codec.cpp (golden bytes), a handler in
// core.
#pragma once

#include "broker/model/attempt.h"
#include "broker/model/cluster.h"
#include "broker/model/function.h"
#include "broker/model/job.h"
#include "broker/model/objects.h"
#include "broker/model/refusal.h"
#include "broker/model/transaction.h"
#include "broker/model/transfer.h"

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace penstock::model {

// ---- set 0: names, keys ------------------------------------------------------------------------

enum class ObjectKind : std::uint8_t {
    queue = 1,
    topic = 2,
    subscription = 3,
    dead_letter_queue = 4
};

// A name to reserve. `name` as the user wrote it; subscriptions as "topic/name", automatic
// dead-letter queues as "topic.name.dlq". Names compare case-insensitively for queues.
struct NameRequest {
    ObjectKind kind = ObjectKind::queue;
    std::string name;
    friend bool operator==(const NameRequest&, const NameRequest&) = default;
};

// First entry of set 0 with an access key; also adds later ones. Replaces a key of the same id.
struct PutKey {
    std::string key_id;
    std::string secret;
    bool root = false;
    friend bool operator==(const PutKey&, const PutKey&) = default;
};

// Reserves all names or none. An automatic dead-letter queue's name that exists is reused.
// Replies Reserved, or *_exists, *_limit, name_too_soon.
struct ReserveNames {
    std::vector<NameRequest> names;
    SetId set;                     // where the objects will live
    std::uint32_t queues_max = 0;  // quotas as configured, 0: none
    std::uint32_t topics_max = 0;
    std::uint32_t subscriptions_max = 0;  // per topic
    std::uint32_t name_reuse_ms = 0;      // how long a deleted name stays blocked
    friend bool operator==(const ReserveNames&, const ReserveNames&) = default;
};

// The objects exist in their data set: the names are visible from now on. Replies Done.
struct MarkReady {
    std::vector<ObjectNo> numbers;
    friend bool operator==(const MarkReady&, const MarkReady&) = default;
};

// First half of a delete: the name is out of sight. Replies Done.
struct HideNames {
    std::vector<ObjectNo> numbers;
    friend bool operator==(const HideNames&, const HideNames&) = default;
};

// Second half of a delete, and the undoing of a reservation: the name is free again (blocked for
// name_reuse_ms when `was_visible`). Replies Done.
struct ReleaseNames {
    std::vector<ObjectNo> numbers;
    bool was_visible = true;
    friend bool operator==(const ReleaseNames&, const ReleaseNames&) = default;
};

// A node of the cluster, new or changed, but for whether it leaves. Replies Done.
struct PutNode {
    NodeInfo info;
    friend bool operator==(const PutNode&, const PutNode&) = default;
};

// Forgets a node that holds nothing. Its id is never used again. Replies Done.
struct DropNode {
    NodeId node;
    friend bool operator==(const DropNode&, const DropNode&) = default;
};

// A set of the cluster, new or with other replicas. Replies Done.
struct PutSet {
    SetInfo info;
    friend bool operator==(const PutSet&, const PutSet&) = default;
};

// The node's replicas are to move to others, or may stay after all. Replies Done.
struct MarkLeaving {
    NodeId node;
    bool leaving = true;
    friend bool operator==(const MarkLeaving&, const MarkLeaving&) = default;
};

// Which of a set's replicas should lead it. Replies Done.
struct PreferLeader {
    SetId set;
    NodeId node;
    friend bool operator==(const PreferLeader&, const PreferLeader&) = default;
};

// Whether sets move until all nodes hold about as many. Replies Done.
struct SetBalancing {
    bool on = false;
    friend bool operator==(const SetBalancing&, const SetBalancing&) = default;
};

// ---- a data set --------------------------------------------------------------------------------

// First entry of a data set: the key that seals receipts, and the track's limits. Later ones change
// only the limits. Replies Done.
struct InitSet {
    std::array<std::uint64_t, 2> receipt_key{};
    std::uint32_t track_retention_s = 259'200;
    std::uint64_t track_bytes_max = 1ULL << 30;  // attempts kept; the oldest go first
    friend bool operator==(const InitSet&, const InitSet&) = default;
};

// Idempotent by number. Replies Done, or dead_letter_* when the policy cannot be.
struct CreateQueue {
    QueueNo queue;
    std::string name;
    QueueKind kind = QueueKind::user;
    QueueAttributes attributes;
    friend bool operator==(const CreateQueue&, const CreateQueue&) = default;
};

struct SetQueue {
    QueueNo queue;
    QueueAttributes attributes;
    friend bool operator==(const SetQueue&, const SetQueue&) = default;
};

struct DeleteQueue {  // refused while it is a dead-letter queue
    QueueNo queue;
    friend bool operator==(const DeleteQueue&, const DeleteQueue&) = default;
};

struct ClearQueue {  // everything in it is gone at once; the space returns by a job
    QueueNo queue;
    friend bool operator==(const ClearQueue&, const ClearQueue&) = default;
};

struct RewindQueue {
    QueueNo queue;
    TimeMs to_ms = 0;
    friend bool operator==(const RewindQueue&, const RewindQueue&) = default;
};

// Bodies first_ordinal .. +count-1 of the entry become messages. Replies Sent.
struct Send {
    QueueNo queue;
    std::uint32_t first_ordinal = 0;
    std::uint32_t count = 1;
    std::uint64_t delay_ms = 0;
    std::string dedup_key;  // empty: none. Same key within 10 min: the first ids again
    friend bool operator==(const Send&, const Send&) = default;
};

// Replies Leased (possibly empty).
struct Lease {
    QueueNo queue;
    std::uint32_t messages_max = 1;   // 1-16
    std::uint32_t visibility_ms = 0;  // 0: the queue's
    friend bool operator==(const Lease&, const Lease&) = default;
};

// Replies Deleted with one result per receipt.
struct DeleteMessages {
    QueueNo queue;
    std::vector<Receipt> receipts;
    friend bool operator==(const DeleteMessages&, const DeleteMessages&) = default;
};

// Moves the end of a lease to now + visibility_ms (0: visible at once). Replies Done.
struct ChangeVisibility {
    QueueNo queue;
    Receipt receipt;
    std::uint32_t visibility_ms = 0;
    friend bool operator==(const ChangeVisibility&, const ChangeVisibility&) = default;
};

// Messages that were leased and could not be given to whoever asked: it does not count as a
// receive, their receipts are good for nothing, and they are visible again at now + pause_ms.
// Receipts that are not valid change nothing. From level give_back_level of format.h on. Replies
// Done.
struct GiveBack {
    QueueNo queue;
    std::vector<Receipt> receipts;
    std::uint32_t pause_ms = 0;
    friend bool operator==(const GiveBack&, const GiveBack&) = default;
};

struct CreateTopic {
    TopicNo topic;
    std::string name;
    TopicAttributes attributes;
    friend bool operator==(const CreateTopic&, const CreateTopic&) = default;
};

struct SetTopic {
    TopicNo topic;
    TopicAttributes attributes;
    friend bool operator==(const SetTopic&, const SetTopic&) = default;
};

struct DeleteTopic {  // refused while it has subscriptions
    TopicNo topic;
    friend bool operator==(const DeleteTopic&, const DeleteTopic&) = default;
};

// Replies Sent, or with `want_receiver` topic_without_subscription / nothing_matched.
struct Publish {
    TopicNo topic;
    std::uint32_t first_ordinal = 0;
    std::uint32_t count = 1;
    std::uint64_t delay_ms = 0;
    std::string dedup_key;
    bool want_receiver = false;
    friend bool operator==(const Publish&, const Publish&) = default;
};

struct Subscribe {
    SubscriptionNo subscription;
    TopicNo topic;
    std::string name;  // without the topic
    SubscriptionSpec spec;
    std::vector<Script> scripts;  // one a role at most; versions and times are the core's
    friend bool operator==(const Subscribe&, const Subscribe&) = default;
};

struct SetSubscription {
    SubscriptionNo subscription;
    SubscriptionSpec spec;
    friend bool operator==(const SetSubscription&, const SetSubscription&) = default;
};

// The server itself takes a subscription out of service; resuming it is a SetSubscription. Changes
// nothing unless it is active. Replies Done.
struct DisableSubscription {
    SubscriptionNo subscription;
    std::string reason;
    friend bool operator==(const DisableSubscription&, const DisableSubscription&) = default;
};

// A new version of a script, in use at once. Replies Deployed, or subscription_not_found.
struct DeployScript {
    SubscriptionNo subscription;
    Script script;  // version and time are the core's
    friend bool operator==(const DeployScript&, const DeployScript&) = default;
};

// Uses a version that is kept. `version` 0: the one before the one in use. Replies Deployed, or
// subscription_not_found, script_not_found.
struct ActivateScript {
    SubscriptionNo subscription;
    ScriptRole role = ScriptRole::handler;
    std::uint32_t version = 0;
    friend bool operator==(const ActivateScript&, const ActivateScript&) = default;
};

struct Unsubscribe {
    SubscriptionNo subscription;
    friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};

// The outcome of one hand-out. A stale one (settled already, older generation) changes nothing.
struct SettleItem {
    Sequence sequence = 0;
    Generation generation = 0;
    Verdict verdict = Verdict::accepted;
    Failure failure = Failure::none;
    std::uint16_t status = 0;
    std::uint32_t retry_after_ms = 0;  // verdict retry: at least this long; 0: the policy alone
    std::string excerpt;               // kept with a dead letter
    std::string log;                   // likewise: end of a function's stderr
    friend bool operator==(const SettleItem&, const SettleItem&) = default;
};

// At most attempts_per_settle_max items. `attempts_ordinal`: the body with their Attempts, or
// no_ordinal when nothing was tried or the track is off. An item with a commit takes effect
// together with it: if a row it read has moved the item changes nothing and is listed in the reply;
// if an output or write is not possible the item counts as failed, and is listed too. Replies
// Settled.
inline constexpr std::uint32_t no_ordinal = 0xFFFF'FFFFU;

struct Settle {
    SubscriptionNo subscription;
    std::vector<SettleItem> items;
    std::uint32_t attempts_ordinal = no_ordinal;
    std::uint32_t attempts_failed = 0;   // how many of them were not accepted
    std::vector<HandlerCommit> commits;  // by rising item
    friend bool operator==(const Settle&, const Settle&) = default;
};

// A delivery that waits is ready at once, its retries before it again; or it is dropped. Replies
// Done, or message_not_found, key_waits.
struct ReleaseDelivery {
    SubscriptionNo subscription;
    Sequence sequence = 0;
    bool drop = false;
    friend bool operator==(const ReleaseDelivery&, const ReleaseDelivery&) = default;
};

// Delivers one message of a queue subscription that the publish's entry could not: appends the
// reference and settles in one entry. Replies Done, or queue_full / queue_not_found (nothing
// changed).
struct FeedQueue {
    SubscriptionNo subscription;
    Sequence sequence = 0;
    Generation generation = 0;
    friend bool operator==(const FeedQueue&, const FeedQueue&) = default;
};

// Sends dead letters back where they came from as a job: the named ones, or (`sequences` empty)
// those the filter means. Attempts begin at 1 again. Replies Started with how many will go at most,
// or queue_not_found, job_running.
struct Redrive {
    QueueNo queue;
    std::vector<Sequence> sequences;  // at most 1,000; then without filter and rate
    MessageFilter filter = {};
    std::uint32_t rate_per_s = 0;  // 0: as fast as they go
    friend bool operator==(const Redrive&, const Redrive&) = default;
};

// Takes a message whose stored bytes are damaged out of delivery by one queue or subscription: it
// is settled there, counted and listed with reason `damaged`. Replies Done.
struct Quarantine {
    ObjectNo object;  // the queue or subscription that met it
    Sequence sequence = 0;
    MessageId message;
    friend bool operator==(const Quarantine&, const Quarantine&) = default;
};

// Advances what is due and the jobs, at most 1,000 items. Replies Done.
struct Tick {
    friend bool operator==(const Tick&, const Tick&) = default;
};

using Command = std::variant<PutKey,
                             ReserveNames,
                             MarkReady,
                             HideNames,
                             ReleaseNames,
                             InitSet,
                             CreateQueue,
                             SetQueue,
                             DeleteQueue,
                             ClearQueue,
                             RewindQueue,
                             Send,
                             Lease,
                             DeleteMessages,
                             ChangeVisibility,
                             CreateTopic,
                             SetTopic,
                             DeleteTopic,
                             Publish,
                             Subscribe,
                             SetSubscription,
                             Unsubscribe,
                             Settle,
                             FeedQueue,
                             Redrive,
                             Quarantine,
                             Tick,
                             DisableSubscription,
                             DeployScript,
                             ActivateScript,
                             PutNode,
                             DropNode,
                             PutSet,
                             BindDeadLetter,
                             Transfer,
                             TransfersAnswered,
                             SetBalancing,
                             MarkLeaving,
                             PreferLeader,
                             ChangeDelayed,
                             Replay,
                             ChangeJob,
                             StepJob,
                             EditLetter,
                             ReleaseDelivery,
                             Prepare,
                             ConfirmTransactions,
                             TakeChecks,
                             GiveBack>;

// Stored form of an entry's commands: version:u8=1 count:varint{tag:u8 fields}.
std::string encode_commands(const std::vector<Command>& commands);
std::optional<std::vector<Command>> decode_commands(std::string_view bytes);  // nothing: malformed

// ---- replies -----------------------------------------------------------------------------------

struct Done {
    friend bool operator==(const Done&, const Done&) = default;
};

struct Reserved {
    std::vector<ObjectNo> numbers;  // in the order asked
    friend bool operator==(const Reserved&, const Reserved&) = default;
};

struct Sent {
    std::vector<MessageId> ids;
    bool repeated = false;  // a dedup key was known: nothing was stored
    friend bool operator==(const Sent&, const Sent&) = default;
};

struct LeasedMessage {
    MessageId message;
    Sequence sequence = 0;
    Receipt receipt;
    TimeMs enqueued_ms = 0;
    TimeMs next_visible_ms = 0;
    TimeMs first_leased_ms = 0;
    std::uint32_t receives = 0;
    MessageId body;  // where its bytes are
    friend bool operator==(const LeasedMessage&, const LeasedMessage&) = default;
};

struct Leased {
    std::vector<LeasedMessage> messages;
    friend bool operator==(const Leased&, const Leased&) = default;
};

struct Deleted {
    std::vector<bool> removed;  // per receipt; false: the receipt is not, or no longer, valid
    friend bool operator==(const Deleted&, const Deleted&) = default;
};

struct Started {
    std::uint64_t items = 0;
    std::uint64_t job = 0;  // its number; 0: named letters go without one
    friend bool operator==(const Started&, const Started&) = default;
};

struct Settled {
    std::vector<std::uint32_t> moved;  // items that must be handled again: what they read has moved
    std::vector<std::uint32_t> refused;  // items that failed: what they wanted is not possible
    friend bool operator==(const Settled&, const Settled&) = default;
};

struct Deployed {
    std::uint32_t version = 0;
    friend bool operator==(const Deployed&, const Deployed&) = default;
};

using Reply = std::variant<Done,
                           Refusal,
                           Reserved,
                           Sent,
                           Leased,
                           Deleted,
                           Started,
                           Settled,
                           Deployed,
                           Transferred,
                           Confirmed,
                           ChecksTaken>;

// Bytes of a reply for the state hash.
std::string encode_reply(const Reply& reply);

}  // namespace penstock::model
