// What can be asked of the broker, by name, whoever asks: plugins translate their protocol into
// these and back. Each request names its Reply. Values, any thread.
#pragma once

#include "broker/api/backup_requests.h"
#include "broker/api/cluster_requests.h"
#include "broker/api/message_requests.h"
#include "broker/api/status_request.h"
#include "broker/model/attempt.h"
#include "broker/model/message.h"
#include "broker/model/objects.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace penstock::api {

using model::MessageId;
using model::Sequence;
using model::TimeMs;

// Paging by offset, as CMQ has it.
struct Page {
    std::uint32_t offset = 0;
    std::uint32_t limit = 20;
};

// With a change: the digests of the definition (QueueView::digest and the like) it is meant for.
// The object must have one of them when its turn comes, else the change is refused
// (precondition_failed). Absent: any.
using Expected = std::optional<std::vector<std::uint64_t>>;

struct NamedId {
    std::uint32_t number = 0;
    std::string name;
};

struct NamePage {
    std::uint64_t total = 0;
    std::vector<NamedId> items;
};

// ---- queues ------------------------------------------------------------------------------------

// A dead-letter policy by name.
struct DeadLetterSpec {
    std::string queue;
    model::DeadLetterPolicy::Kind kind = model::DeadLetterPolicy::Kind::receives;
    std::uint32_t max_receives = 0;
    std::uint32_t time_to_live_s = 0;
};

// Attributes to set; what is absent keeps its value (or the default at creation).
struct QueueChange {
    std::optional<std::uint64_t> messages_max;
    std::optional<std::uint32_t> polling_wait_s;
    std::optional<std::uint32_t> visibility_s;
    std::optional<std::uint32_t> message_bytes_max;
    std::optional<std::uint32_t> retention_s;
    std::optional<std::uint32_t> rewind_s;
    std::optional<DeadLetterSpec> dead_letter;
    bool unbind_dead_letter = false;
    std::optional<bool> paused;
    std::optional<bool> ordered;                 // at creation only
    std::optional<bool> transactional;           // at creation only
    std::optional<std::uint32_t> first_query_s;  // model::TransactionPolicy
    std::optional<std::uint32_t> queries_max;
    std::optional<std::uint32_t> messages_per_s;  // 0: as the account allows
};

struct QueueView {
    std::uint32_t number = 0;
    std::string name;
    bool automatic_dead_letter = false;
    model::QueueAttributes attributes;
    std::string dead_letter_queue;  // name; empty: none
    TimeMs created_ms = 0;
    TimeMs modified_ms = 0;
    std::uint64_t active = 0;
    std::uint64_t inactive = 0;
    std::uint64_t delayed = 0;
    std::uint64_t parked = 0;  // of the active ones: behind others of their key (ordered queues)
    std::uint64_t rewindable = 0;
    TimeMs oldest_ms = 0;         // oldest message not consumed; 0: none
    std::uint64_t prepared = 0;   // transactional messages that are not confirmed
    std::uint64_t committed = 0;  // of those, ever, as the two below
    std::uint64_t rolled_back = 0;
    std::uint64_t unconfirmed = 0;  // rolled back because nobody confirmed them
    std::uint64_t digest = 0;       // of number and attributes: equal ones have equal digests
};

struct CreateQueue {
    using Reply = QueueView;
    std::string name;
    QueueChange change;
};

struct ListQueues {
    using Reply = NamePage;
    std::string search;
    Page page;
    bool automatic = false;  // also (only these when `only_automatic`) automatic dead-letter queues
    bool only_automatic = false;
    OfAccount account = std::nullopt;
};

struct GetQueue {
    using Reply = QueueView;
    std::string name;
};

struct SetQueue {
    using Reply = QueueView;
    std::string name;
    QueueChange change;
    Expected expected = std::nullopt;
};

struct DeleteQueue {
    using Reply = Nothing;
    std::string name;
    Expected expected = std::nullopt;
};

struct ClearQueue {
    using Reply = Nothing;
    std::string name;
};

struct RewindQueue {
    using Reply = Nothing;
    std::string name;
    TimeMs to_ms = 0;
};

struct ListDeadLetterSources {
    using Reply = NamePage;
    std::string queue;
    std::string search;
    Page page;
};

struct SentMessages {
    std::vector<MessageId> ids;
    bool repeated = false;
};

struct SendMessages {
    using Reply = SentMessages;
    std::string queue;
    std::vector<model::NewMessage> messages;  // 1-16, together at most 1 MiB
    std::uint32_t delay_s = 0;
    std::string dedup_key;
    bool transaction = false;         // prepared only: seen by nobody before it is committed
    std::uint32_t first_query_s = 0;  // of a transaction, 0: the queue's; 1-3600
};

struct ReceivedMessage {
    MessageId id;
    model::Receipt receipt;
    model::MessageMeta meta;
    std::string payload;
    TimeMs enqueued_ms = 0;
    TimeMs next_visible_ms = 0;
    TimeMs first_received_ms = 0;
    std::uint32_t receives = 0;
};

struct ReceivedMessages {
    std::vector<ReceivedMessage> messages;  // empty: nothing came in time
};

// Waits up to `wait_s` (absent: the queue's) for a message to become visible.
struct ReceiveMessages {
    using Reply = ReceivedMessages;
    std::string queue;
    std::uint32_t messages_max = 1;  // 1-16
    std::optional<std::uint32_t> wait_s;
    std::uint32_t visibility_s = 0;  // 0: the queue's
};

struct DeletedMessages {
    std::vector<bool> removed;  // per receipt
};

struct DeleteMessages {
    using Reply = DeletedMessages;
    std::string queue;
    std::vector<model::Receipt> receipts;
};

struct ChangeVisibility {
    using Reply = Nothing;
    std::string queue;
    model::Receipt receipt;
    std::uint32_t visibility_s = 0;
};

// ---- topics and subscriptions ------------------------------------------------------------------

struct TopicView {
    std::uint32_t number = 0;
    std::string name;
    model::TopicAttributes attributes;
    TimeMs created_ms = 0;
    TimeMs modified_ms = 0;
    std::uint64_t messages = 0;
    std::uint32_t subscriptions = 0;
    std::uint64_t digest = 0;  // of number and attributes
};

struct CreateTopic {
    using Reply = TopicView;
    std::string name;
    model::TopicAttributes attributes;
};

struct ListTopics {
    using Reply = NamePage;
    std::string search;
    Page page;
    OfAccount account = std::nullopt;
};

struct GetTopic {
    using Reply = TopicView;
    std::string name;
};

struct SetTopic {
    using Reply = TopicView;
    std::string name;
    std::optional<std::uint32_t> message_bytes_max;
    std::optional<std::uint32_t> retention_s;
    std::optional<std::uint32_t> messages_per_s = std::nullopt;  // 0: as the account allows
    Expected expected = std::nullopt;
};

struct DeleteTopic {
    using Reply = Nothing;
    std::string name;
    Expected expected = std::nullopt;
};

struct PublishMessages {
    using Reply = SentMessages;
    std::string topic;
    std::vector<model::NewMessage> messages;  // 1-16, together at most 1 MiB
    std::uint32_t delay_s = 0;
    std::string dedup_key;
    bool want_receiver = false;  // refuse when no subscription matches (CMQ 6030)
};

struct SubscriptionView {
    std::uint32_t number = 0;
    std::string topic;
    std::string name;
    model::SubscriptionSpec spec;
    std::string dead_letter_queue;  // name; empty: none
    TimeMs created_ms = 0;
    TimeMs modified_ms = 0;
    std::uint64_t backlog = 0;
    std::uint64_t waiting = 0;
    std::uint64_t dropped = 0;
    std::uint64_t discarded = 0;  // a filter or handler wanted them gone
    model::PushHealth health;     // of what it delivers to
    std::uint64_t digest = 0;     // of number and spec, versions of scripts included
};

enum class DeadLetterChoice : std::uint8_t { automatic, named, none };

struct Subscribe {
    using Reply = SubscriptionView;
    std::string topic;
    std::string name;
    model::SubscriptionSpec spec;  // queue numbers are filled in by the broker
    DeadLetterChoice dead_letter = DeadLetterChoice::automatic;
    std::string dead_letter_queue;       // with DeadLetterChoice::named
    std::vector<model::Script> scripts;  // one a role at most
};

struct ListSubscriptions {
    using Reply = struct SubscriptionPage;
    std::string topic;  // empty: of all topics, ordered by TOPIC/NAME
    std::string search;
    Page page;
    OfAccount account = std::nullopt;
};

struct SubscriptionPage {
    std::uint64_t total = 0;
    std::vector<SubscriptionView> items;
};

struct GetSubscription {
    using Reply = SubscriptionView;
    std::string topic;
    std::string name;
};

// How an HTTP subscription signs from now on.
struct SigningChange {
    std::optional<model::SigningKey> key;  // nothing: it signs no more
    std::uint64_t overlap_ms = 0;          // the keys of before sign beside it for so long
};

// Which certificates change; what is absent stays, what is empty goes.
struct TlsChange {
    std::optional<std::string> ca;
    std::optional<model::ClientCertificate> client;
};

struct SetSubscription {
    using Reply = SubscriptionView;
    std::string topic;
    std::string name;
    std::optional<model::RetryPolicy> retry;
    std::optional<model::ContentFormat> format;
    std::optional<std::vector<std::string>> filter_tags;
    std::optional<std::vector<std::string>> binding_keys;
    std::optional<std::string> endpoint;
    std::optional<std::uint32_t> concurrency;
    std::optional<std::uint32_t> timeout_ms;
    std::optional<model::SubscriptionState> state;
    std::optional<SigningChange> signing;
    std::optional<std::vector<model::PushHeader>> headers;
    std::optional<model::PushAuthorization> authorization;
    TlsChange tls;
    model::PushChange pace;
    Expected expected = std::nullopt;
};

struct Unsubscribe {
    using Reply = Nothing;
    std::string topic;
    std::string name;
    Expected expected = std::nullopt;
};

// ---- scripts of subscriptions ------------------------------------------------------------------

struct ScriptView {
    model::Script script;  // code only where it is asked for
    bool in_use = false;
    std::uint64_t code_bytes = 0;
};

struct ListScripts {
    using Reply = struct ScriptList;
    std::string topic;
    std::string name;
    bool with_code = false;
};

struct ScriptList {
    std::vector<ScriptView> items;  // by role and version
};

struct DeployedScript {
    std::uint32_t version = 0;
};

struct DeployScript {
    using Reply = DeployedScript;
    std::string topic;
    std::string name;
    model::Script script;  // role, code, note
};

// Uses a version that is kept; 0: the one before the one in use.
struct ActivateScript {
    using Reply = DeployedScript;
    std::string topic;
    std::string name;
    model::ScriptRole role = model::ScriptRole::handler;
    std::uint32_t version = 0;
};

// ---- deliveries, track -------------------------------------------------------------------------

struct DeliveryView {
    std::string topic;
    std::string subscription;
    MessageId id;
    std::string status;  // ok, failed, retry
    std::uint32_t attempt = 0;
    TimeMs at_ms = 0;
    TimeMs due_ms = 0;  // status retry: when it will be tried again
    std::string why;    // status retry, parked: what it waits for
    std::uint32_t latency_us = 0;
    std::uint16_t http_status = 0;
    std::string reason;
    std::string target;
    std::string excerpt;
    std::string log;            // end of a function's stderr
    std::uint32_t version = 0;  // of the script that handled it; 0: none
};

struct ListDeliveries {
    using Reply = struct DeliveryPage;
    std::string subscription;  // TOPIC/NAME; empty: all
    std::string status;        // ok, failed, retry, parked; empty: all attempts
    std::uint64_t before = 0;  // cursor of an earlier page; 0: newest
    std::uint32_t limit = 50;  // 1-1000
    OfAccount account = std::nullopt;
};

struct DeliveryPage {
    std::vector<DeliveryView> items;  // newest first
    std::uint64_t next = 0;           // 0: the end
};

// A delivery that waits is tried as soon as it may be, with its retries before it again; or it is
// dropped, and what waits behind it goes on. Refused while an earlier one of its key waits.
struct ReleaseDelivery {
    using Reply = Nothing;
    std::string subscription;  // TOPIC/NAME
    MessageId message;
    bool drop = false;
};

struct TrackPlace {
    std::string object;  // queue, topic or TOPIC/NAME
    std::string kind;    // queue, topic, subscription
    std::string state;
    std::uint32_t count = 0;
    TimeMs due_ms = 0;
    std::vector<DeliveryView> attempts;  // subscriptions: oldest first
};

struct MessageTrack {
    MessageId id;
    TimeMs sent_ms = 0;
    model::MessageMeta meta;
    std::uint32_t payload_bytes = 0;
    std::string sent_to;  // queue or topic
    std::uint64_t log_index = 0;
    std::vector<TrackPlace> places;
};

struct TrackMessage {
    using Reply = MessageTrack;
    MessageId id;
};

// Any request; its answer is the Reply of the alternative.
using Request = std::variant<CreateQueue,
                             ListQueues,
                             GetQueue,
                             SetQueue,
                             DeleteQueue,
                             ClearQueue,
                             RewindQueue,
                             ListDeadLetterSources,
                             SendMessages,
                             ReceiveMessages,
                             DeleteMessages,
                             ChangeVisibility,
                             CreateTopic,
                             ListTopics,
                             GetTopic,
                             SetTopic,
                             DeleteTopic,
                             PublishMessages,
                             Subscribe,
                             ListSubscriptions,
                             GetSubscription,
                             SetSubscription,
                             Unsubscribe,
                             ListScripts,
                             DeployScript,
                             ActivateScript,
                             ListDeadLetters,
                             FindDeadLetter,
                             RedriveDeadLetters,
                             EditDeadLetter,
                             ReplayMessages,
                             GetJob,
                             ChangeJob,
                             PeekMessages,
                             ChangeDelayed,
                             ListDeliveries,
                             ReleaseDelivery,
                             TrackMessage,
                             GetStatus,
                             GetCluster,
                             InitCluster,
                             ChangeCluster,
                             ListBackupSets,
                             ChangeBackup,
                             GetBackup,
                             ReadBackup,
                             ConfirmTransactions,
                             TakeChecks>;

}  // namespace penstock::api
