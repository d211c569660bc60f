// Pace: when and how many of one subscription's deliveries may be tried: rate, breaker, pauses the
// endpoint asked for, concurrency that adapts, and the share that retries may have. Plain steps on
// the time they are given (microseconds); owned by a lane of the scheduler, on its thread.
#pragma once

#include "broker/base/token_bucket.h"
#include "broker/model/objects.h"
#include "dispatcher/breaker.h"
#include "dispatcher/concurrency.h"
#include "sinks/sink.h"

#include <cstdint>
#include <optional>
#include <string>

namespace penstock::dispatcher {

// Retries are always let through at this rate, however little else there is.
inline constexpr double retry_floor_per_s = 10;
inline constexpr double retries_saved_max = 100;

class Pace {
  public:
    // The subscription is new or changed. What is known of its endpoint is kept while the endpoint
    // and the policy are the same.
    void follow(model::SubscriptionNo subscription, const model::SubscriptionSpec& spec);

    // Whether an attempt may begin beside `in_flight` others.
    [[nodiscard]] bool lets_through(std::size_t in_flight, std::int64_t now_us) const;

    // Whether it may be a retry; another may begin instead.
    [[nodiscard]] bool lets_retry(std::int64_t now_us) const;

    // When time alone lets the next one through; nothing: it takes more than time.
    [[nodiscard]] std::optional<std::int64_t> next_us(std::int64_t now_us) const;

    // An attempt begins, as let through; true: it probes whether the endpoint is back.
    bool on_start(bool retry, std::int64_t now_us);

    // It ended; `in_flight` counts it still.
    void on_end(const sinks::AttemptResult& result,
                bool probe,
                std::int64_t latency_us,
                std::size_t in_flight,
                std::int64_t now_us);

    // At a time, as things are.
    [[nodiscard]] std::size_t concurrency() const;

    // The endpoint is left alone but for probes.
    [[nodiscard]] bool breaker_open() const { return breaker_ && breaker_->open(); }

    // The next attempt finds out whether the endpoint takes any: it is one message.
    [[nodiscard]] bool finds_out() const { return breaker_open() || lacks_consent(); }

    // Why nothing, or less than usual, is tried; `until_us` 0: it does not apply.
    struct Holding {
        model::Hold hold = model::Hold::none;
        std::int64_t until_us = 0;
        std::string reason;
        std::optional<sinks::Consent> consent = {};  // of an endpoint that was asked

        friend bool operator==(const Holding&, const Holding&) = default;
    };

    [[nodiscard]] Holding holding(std::int64_t now_us) const;

  private:
    [[nodiscard]] std::int64_t held_until_us() const;
    [[nodiscard]] bool lacks_consent() const;
    [[nodiscard]] Holding held_by(std::int64_t now_us) const;
    void heed_handshake(const sinks::AttemptResult& result, std::int64_t now_us);
    void limit_rate();

    model::PushPolicy policy_;
    std::string endpoint_;
    std::uint32_t most_ = 0;  // concurrency of the subscription
    std::optional<Breaker> breaker_;
    std::optional<Concurrency> concurrency_;
    std::optional<TokenBucket> rate_;
    std::optional<TokenBucket> retries_;
    std::int64_t asked_until_us_ = 0;  // the endpoint asked for no attempt before
    std::optional<sinks::Consent> consent_;
    std::int64_t ask_again_us_ = 0;  // the endpoint did not agree and is not asked before
    std::string refusal_;            // what it said then
    std::string reason_;             // what was last seen of an endpoint that fails
};

}  // namespace penstock::dispatcher
