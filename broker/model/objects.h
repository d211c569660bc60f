// Queues, topics and subscriptions as the core keeps them: attributes with their ranges and
// defaults (CMQ API 2.0 where not said otherwise). Values, any thread.
#pragma once

#include "broker/model/function.h"
#include "broker/model/ids.h"
#include "broker/model/push.h"
#include "broker/model/push_policy.h"
#include "broker/model/transaction.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::model {

// When a message of a queue goes to its dead-letter queue.
struct DeadLetterPolicy {
    enum class Kind : std::uint8_t { receives = 0, time_to_live = 1 };

    Place queue;  // the dead-letter queue
    Kind kind = Kind::receives;
    std::uint32_t max_receives = 0;    // kind receives: 1-1000
    std::uint32_t time_to_live_s = 0;  // kind time_to_live: 300-43200, below retention

    friend bool operator==(const DeadLetterPolicy&, const DeadLetterPolicy&) = default;
};

// What the message_bytes_max of a queue or topic may be, in bytes. A server has a ceiling of its
// own between 65,536 and the greatest (limits.message_size_max).
inline constexpr std::uint32_t message_bytes_least = 1'024;
inline constexpr std::uint32_t message_bytes_most = 16U << 20;
inline constexpr std::uint32_t message_bytes_usual_most = 1U << 20;  // a server's, if not said

// What an edited dead letter's body may have. Replicas must agree on it: it does not change.
inline constexpr std::uint32_t edited_bytes_max = 1U << 20;

// What a queue or topic may let through a second by its own rate (CMQ's QPS).
inline constexpr std::uint32_t messages_per_s_most = 1'000'000;

struct QueueAttributes {
    std::uint64_t messages_max = 100'000'000;  // 1,000,000-1,000,000,000
    std::uint32_t polling_wait_s = 0;          // 0-30
    std::uint32_t visibility_s = 30;           // 1-43200
    std::uint32_t message_bytes_max = 65'536;  // 1024-16777216
    std::uint32_t retention_s = 345'600;       // 60-1296000
    std::uint32_t rewind_s = 0;                // 0-retention; 0: deleted messages go at once
    std::optional<DeadLetterPolicy> dead_letter;
    bool paused = false;                           // receives find nothing, sends go on
    std::optional<TransactionPolicy> transaction;  // nothing: not transactional
    bool ordered =
        false;  // one message of an ordering key with receivers at a time, in order; fixed
    std::uint32_t messages_per_s = 0;  // 0-messages_per_s_most; 0: as the account allows

    friend bool operator==(const QueueAttributes&, const QueueAttributes&) = default;
};

enum class QueueKind : std::uint8_t { user = 0, automatic_dead_letter = 1 };

enum class FilterKind : std::uint8_t { tags = 1, routing_key = 2 };

struct TopicAttributes {
    std::uint32_t message_bytes_max = 65'536;  // 1024-16777216
    FilterKind filter = FilterKind::tags;      // fixed at creation
    std::uint32_t retention_s = 86'400;        // 60-1296000; delivered messages stay for it too
    std::uint32_t messages_per_s = 0;          // 0-messages_per_s_most; 0: as the account allows

    friend bool operator==(const TopicAttributes&, const TopicAttributes&) = default;
};

// Where a subscription delivers to.
enum class SinkKind : std::uint8_t {
    http = 1,
    queue = 2,
    exec = 3,         // one process a message
    worker = 4,       // a pool of processes speaking JSON lines
    worker_http = 5,  // supervised HTTP servers
    runtime = 6,      // SCF and AWS Lambda runtime APIs
    lua = 7,
};

std::string_view to_text(SinkKind kind);  // as the command line spells it: http, worker-http ...

// A sink whose target is a function of this machine.
bool is_function(SinkKind kind);

// How a message is drawn for an HTTP endpoint. CMQ knows the first two.
enum class ContentFormat : std::uint8_t {
    cmq_json = 1,
    simplified = 2,
    scf = 3,
    cloudevents = 4,  // binary mode
    cloudevents_structured = 5,
    cloudevents_batch = 6,
};

std::string_view to_text(ContentFormat format);  // as the command line spells it: cmq-json ...

// Nothing for a name that no format has.
std::optional<ContentFormat> content_format(std::string_view name);

// Pauses between attempts: each step is repeated `times` times with a pause drawn uniformly (by a
// hash of the delivery) from [min_ms, max_ms]. When the steps are used up the delivery is dead.
struct RetryStep {
    std::uint32_t min_ms = 0;
    std::uint32_t max_ms = 0;
    std::uint32_t times = 1;

    friend bool operator==(const RetryStep&, const RetryStep&) = default;
};

struct RetryPolicy {
    enum class Name : std::uint8_t { backoff = 1, exponential = 2, custom = 3, standard = 4 };

    Name name = Name::exponential;
    bool keeps_order = false;  // while one message waits for a retry no later one starts
    std::vector<RetryStep> steps;

    friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

// BACKOFF_RETRY: 3 retries after the first try, `min_ms`-`max_ms` apart (CMQ: 10-20 s), in order.
RetryPolicy backoff_retry(std::uint32_t min_ms = 10'000, std::uint32_t max_ms = 20'000);
// EXPONENTIAL_DECAY_RETRY: 1, 2, 4 ... 256 s, then 512 s 167 times: 176 retries in 86,015 s.
RetryPolicy exponential_retry();
// The steps by which webhooks are usually retried: 5 s, 5 and 30 min, 2, 5, 10 and 10 h, each a
// fifth more or less.
RetryPolicy standard_retry();
// The pauses as given, one retry each, without jitter.
RetryPolicy custom_retry(const std::vector<std::uint32_t>& pauses_ms);

// Pause before retry number `retry` (from 1), or nothing when the policy is used up. `jitter` is
// any hash of the delivery and retry number; the same input gives the same pause on every replica.
std::optional<std::uint32_t> retry_pause_ms(const RetryPolicy& policy,
                                            std::uint32_t retry,
                                            std::uint64_t jitter);

enum class SubscriptionState : std::uint8_t { active = 0, paused = 1, disabled = 2 };

struct SubscriptionSpec {
    SinkKind sink = SinkKind::http;
    std::string endpoint;  // http: the URL; queue: the queue's name as shown; functions: empty
    Place queue;           // sink queue: where it lives
    ContentFormat format = ContentFormat::cmq_json;
    RetryPolicy retry = exponential_retry();
    std::vector<std::string> filter_tags;   // topic with FilterKind::tags; empty: everything
    std::vector<std::string> binding_keys;  // topic with FilterKind::routing_key
    Place dead_letter;                      // 0: none, exhausted messages are dropped and counted
    std::uint32_t concurrency = 16;         // 1-1000 attempts at a time
    std::uint32_t timeout_ms = 15'000;      // 100-300000, one attempt
    SubscriptionState state = SubscriptionState::active;
    std::string state_reason;  // state disabled: why, for people
    FunctionSpec function;
    // Scripts in use by role, ScriptRole - 1; 0: none.
    std::array<std::uint32_t, 3> scripts{};
    PushSpec push;  // sink http
    PushPolicy pace;

    friend bool operator==(const SubscriptionSpec&, const SubscriptionSpec&) = default;
};

}  // namespace penstock::model
