// PushPolicy: how a subscription is pushed: how fast, what its endpoint's answers mean for the next
// attempts, what becomes of a message that cannot be delivered. Kept with the subscription; the
// dispatcher goes by it, and so does the core where a delivery ends. Values, any thread.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::model {

// How many attempts may run at a time, below the subscription's concurrency.
enum class ConcurrencyMode : std::uint8_t {
    fixed = 0,     // the concurrency itself
    aimd = 1,      // grows with each success, falls by a third with each overload
    gradient = 2,  // follows the latency: queueing at the endpoint lowers it
};

// What becomes of a message whose retries are used up.
enum class OnExhausted : std::uint8_t {
    dead = 0,  // dead letter; later messages go on
    park = 1,  // it stays, and with it later messages of its key, until retried or dropped
    stop = 2,  // it stays, and the subscription is disabled
};

// How an endpoint is asked, before its first message, whether it wants any.
enum class Handshake : std::uint8_t {
    none = 0,
    challenge = 1,    // it gives back what it was sent
    cloudevents = 2,  // OPTIONS, as "HTTP 1.1 Web Hooks for Event Delivery" 1.0.2 says
};

inline constexpr std::uint32_t batch_messages_most = 100;
inline constexpr std::uint32_t batch_bytes_least = 1'024;
inline constexpr std::uint32_t batch_bytes_most = 4 << 20;
inline constexpr std::uint32_t batch_bytes_default = 1 << 20;
inline constexpr std::uint32_t batch_linger_ms_most = 60'000;

struct PushPolicy {
    bool breaker = false;        // an endpoint that fails is left alone, then probed
    bool heeds_answers = false;  // Retry-After of 429 and 503 holds the endpoint; 410 disables
    ConcurrencyMode concurrency = ConcurrencyMode::fixed;
    std::uint32_t rate_per_s = 0;                 // attempts begun a second; 0: no limit
    std::uint32_t retry_share_percent = 0;        // retries among all attempts; 0: no limit
    bool client_errors_die = false;               // 4xx is a dead letter at once, but for:
    std::vector<std::uint16_t> retried_statuses;  // of 4xx; 408, 425 and 429 always are
    std::uint64_t deferral_ms_max = 259'200'000;  // a message that could not even be tried
    OnExhausted on_exhausted = OnExhausted::dead;
    bool order_by_key = false;  // one message of an ordering key at a time, in order
    bool outputs = false;       // http, worker_http: answers may publish with the acknowledgement
    // http, formats that are lists: messages of one request. What is full or has lingered goes.
    std::uint32_t batch = 1;  // at most; 1: no batches
    std::uint32_t batch_bytes =
        batch_bytes_default;                // of payloads at most; one alone may have more
    std::uint32_t batch_linger_ms = 0;      // the first waits so long for others
    Handshake handshake = Handshake::none;  // http

    friend bool operator==(const PushPolicy&, const PushPolicy&) = default;
};

inline constexpr std::uint32_t push_rate_max = 1'000'000;
inline constexpr std::size_t retried_statuses_max = 32;
inline constexpr std::uint64_t deferral_ms_least = 1'000;
inline constexpr std::uint64_t deferral_ms_most = 1'296'000'000;
inline constexpr std::uint32_t retry_share_default_percent = 20;

// What subscriptions made by the native API begin with; CMQ's keep to their schedules exactly and
// begin with PushPolicy{}.
PushPolicy attentive_push();

// What is to change; what is absent keeps its value.
struct PushChange {
    std::optional<bool> breaker;
    std::optional<bool> heeds_answers;
    std::optional<ConcurrencyMode> concurrency;
    std::optional<std::uint32_t> rate_per_s;
    std::optional<std::uint32_t> retry_share_percent;
    std::optional<bool> client_errors_die;
    std::optional<std::vector<std::uint16_t>> retried_statuses;
    std::optional<std::uint64_t> deferral_ms_max;
    std::optional<OnExhausted> on_exhausted;
    std::optional<bool> order_by_key;  // only while the subscription is made
    std::optional<bool> outputs;
    std::optional<std::uint32_t> batch;
    std::optional<std::uint32_t> batch_bytes;
    std::optional<std::uint32_t> batch_linger_ms;
    std::optional<Handshake> handshake;

    friend bool operator==(const PushChange&, const PushChange&) = default;
};

void apply(const PushChange& change, PushPolicy& policy);

// Why nothing of a subscription is tried right now, as its dispatcher sees it.
enum class Hold : std::uint8_t {
    none = 0,
    breaker = 1,      // its endpoint fails: left alone until it is probed
    retry_after = 2,  // its endpoint asked for a pause
    recovering = 3,   // its endpoint is back: fewer attempts at a time than allowed
    handshake = 4,    // its endpoint has not agreed to be sent anything
};

struct PushHealth {
    Hold hold = Hold::none;
    TimeMs until_ms = 0;  // what holds it ends not before; 0: does not apply
    std::string reason;   // what was seen of the endpoint
    TimeMs agreed_ms =
        0;  // when its endpoint agreed in a handshake; 0: it did not, or was not asked
    std::uint32_t agreed_per_minute = 0;  // requests it agreed to; 0: as many as there are

    friend bool operator==(const PushHealth&, const PushHealth&) = default;
};

std::string_view to_text(ConcurrencyMode mode);
std::string_view to_text(OnExhausted choice);
std::string_view to_text(Hold hold);
std::string_view to_text(Handshake handshake);

}  // namespace penstock::model
