// Quotas: how much of what an account may do a second is used up (AccountLimits). Counted in
// memory where requests enter, and once more where those of other nodes are served, so that what
// all nodes let through of one queue or topic is counted by the node that leads it. Borrows book
// and clock; any thread, and no lock is held while anything else is asked. Nothing is locked or
// counted for the server's own account without limits; of other accounts the requests are.
//
// A queue or topic may have a rate of its own beside (own_rates.h): the lower of the two holds.
//
// Messages are what counts, as CMQ has it: a batch as many as it holds (cmq-api.md 7.5). Of a queue
// or topic those that are produced, those that are consumed, and those that are settled (deleted,
// confirmed, made visible) each have a bucket of their own, with one second's worth in it: one that
// has a token left lets a whole batch through, which is then paid for by waiting.
#pragma once

#include "broker/api/accounts.h"
#include "broker/api/broker.h"
#include "broker/api/own_rates.h"
#include "broker/base/clock.h"
#include "broker/base/short_lock.h"
#include "broker/base/token_bucket.h"
#include "broker/model/metric.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::api {

// What a request does to the rate of the object it is about.
enum class Use : std::uint8_t { produce, consume, settle, control };

// What a request takes.
struct Charge {
    Use use = Use::control;
    bool topic = false;             // of a topic, else of a queue
    std::string_view object;        // stored name, in the request; empty with Use::control
    std::size_t messages = 1;       // a receive: at least; the rest when it is answered
    std::uint64_t bytes = 0;        // of bodies
    std::string_view account = {};  // whose object it is
};

Charge charge_of(const Request& request);

// Quotas that can be exceeded, as figures and the log show them.
enum class Quota : std::uint8_t { messages, bytes, requests, storage, objects };
inline constexpr std::array<std::string_view, 5> quota_names{
    "messages", "bytes", "requests", "storage", "objects"};

// How one of an account's rates stands, in its own unit: messages, bytes or requests.
struct Standing {
    Quota quota = Quota::messages;
    std::uint64_t most = 0;  // at once, which is what comes back in a second
    std::uint64_t left = 0;
    std::uint64_t full_after_s = 0;  // if nothing more is asked for
};

// Consumption may be this much faster than production (cmq-api.md 2.3), and each message consumed
// be settled twice: made visible and deleted.
inline constexpr double consume_share = 1.1;
inline constexpr double settle_share = 2.2;

// What an account asked of this node.
struct Requests {
    std::uint64_t total = 0;  // since its start
    double per_second = 0;    // of the last 10 s or so
};

// Counts, and tells how many a second there were lately. Its owner's thread, or under its lock.
class RequestMeter {
  public:
    static constexpr std::int64_t window_us = 10'000'000;

    void count(std::int64_t now_us);
    [[nodiscard]] Requests requests(std::int64_t now_us) const;

  private:
    std::uint64_t total_ = 0;
    std::int64_t window_ = 0;  // of `now_`, by number
    std::uint64_t now_ = 0;
    std::uint64_t before_ = 0;  // in the window before
};

// Of two rates where 0 is none.
[[nodiscard]] constexpr std::uint64_t lower_rate(std::uint64_t one, std::uint64_t other) {
    if (one == 0 || other == 0) return one + other;
    return one < other ? one : other;
}

class Quotas {
  public:
    // Objects whose rates are remembered, by account; those at rest make way.
    static constexpr std::size_t objects_max = 20'000;

    // `own`: limits of the server's own account. `rates`: of queues and topics; null: they have
    // none.
    Quotas(const AccountBook& book,
           const Clock& clock,
           const AccountLimits& own = no_limits,
           const OwnRates* rates = nullptr)
        : book_(book),
          clock_(clock),
          own_(own),
          rates_(rates),
          lines_(log_lines_per_s, log_lines_at_once) {}

    // A request comes in. Takes what it needs, or tells why not: throttled, control_throttled.
    [[nodiscard]] std::optional<model::Refusal> admit(const Principal& principal,
                                                      const Request& request);

    // Another node's request is about to be served: only its object's rates.
    [[nodiscard]] std::optional<model::Refusal> admit_forwarded(const Request& request);

    // `answer` behind what counts the messages that come of a receive, beyond the one its request
    // stood for; of other requests, and without limits, `answer` itself.
    [[nodiscard]] Broker::Answer counting(const Request& request, Broker::Answer answer);

    // An account asked for more than it may have, of what is counted elsewhere: counts and tells.
    void refused(std::string_view account, Quota quota, std::string_view object);

    // The rates by which a request of `caller`, an account's name, is judged, as they are now. Only
    // use, topic, object and account of `charge` count. None where there are no limits.
    [[nodiscard]] std::vector<Standing> standings(std::string_view caller,
                                                  const Charge& charge) const;

    // As of now; the server's own for the empty name; no_limits for one that does not exist.
    [[nodiscard]] AccountLimits limits_of(std::string_view account) const;

    // How many requests were refused by an account's quotas since this node started.
    [[nodiscard]] std::uint64_t refusals_of(std::string_view account) const;

    // Requests that an account's keys made at this node, refused ones too. The server's own
    // account's are not counted.
    [[nodiscard]] Requests requests_of(std::string_view account) const;

    // Refusals by account and quota. Any thread.
    void measure(model::Metrics& metrics) const;

  private:
    // All accounts together.
    static constexpr double log_lines_per_s = 1;
    static constexpr double log_lines_at_once = 10;

    struct Complaints {
        std::uint64_t untold = 0;         // refusals since the last line
        std::int64_t quiet_until_us = 0;  // no line before
    };

    // The rates of one queue or topic.
    struct Object {
        explicit Object(std::uint64_t messages_per_s);
        [[nodiscard]] bool at_rest(std::int64_t now_us) const;

        std::uint64_t rate;  // what the buckets were made for
        TokenBucket produce;
        TokenBucket consume;
        TokenBucket settle;
        Complaints complaints;
    };

    using Objects = std::map<std::string, Object, std::less<>>;

    struct Tenant {
        // Buckets of limits that have changed begin anew.
        void follow(const AccountLimits& now);

        AccountLimits limits = no_limits;
        std::optional<TokenBucket> requests;
        std::optional<TokenBucket> bytes;
        std::array<Objects, 2> objects;  // queues, topics
        std::array<std::uint64_t, quota_names.size()> refused{};
        RequestMeter meter;
        Complaints complaints;
    };

    // Accounts are few (account_registry.h); those that are gone keep their figures.
    struct Shard {
        mutable ShortLock mutex;
        std::map<std::string, Tenant, std::less<>> tenants;
    };

    static constexpr std::size_t shards = 16;

    [[nodiscard]] Shard& shard_of(std::string_view account);
    [[nodiscard]] const Shard& shard_of(std::string_view account) const;
    // Nothing: no request was counted since its limits are what they are. Under the shard's lock.
    static const Tenant* look(const Shard& shard,
                              std::string_view account,
                              const AccountLimits& limits);
    static Tenant& find(Shard& shard, std::string_view account, const AccountLimits& limits);
    // Made anew where its rate has changed.
    static Object& find(Tenant& tenant,
                        const Charge& charge,
                        std::uint64_t rate,
                        std::int64_t now_us);
    // Messages a second of the object; 0: any number.
    [[nodiscard]] std::uint64_t rate_of(const Charge& charge, const AccountLimits& limits) const;
    [[nodiscard]] std::optional<model::Refusal> charge_caller(const Principal& principal,
                                                              const Charge& charge);
    [[nodiscard]] std::optional<model::Refusal> charge_object(const Charge& charge);
    void received(std::string_view queue, const ReceivedMessages& messages);
    void tell(Complaints& complaints,
              std::string_view account,
              Quota quota,
              std::string_view object,
              std::int64_t now_us);

    const AccountBook& book_;
    const Clock& clock_;
    const AccountLimits own_;
    const OwnRates* rates_;
    std::array<Shard, shards> shards_;
    ShortLock lines_mutex_;
    TokenBucket lines_;
};

}  // namespace penstock::api
