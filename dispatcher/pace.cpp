#include "dispatcher/pace.h"

#include "dispatcher/heed.h"

#include <algorithm>
#include <utility>

namespace penstock::dispatcher {
namespace {

constexpr std::int64_t us_per_ms = 1'000;
constexpr double s_per_minute = 60;
// A bucket holds what a tenth of a second brings: a rate is kept evenly.
constexpr double burst_s = 0.1;

}  // namespace

void Pace::follow(model::SubscriptionNo subscription, const model::SubscriptionSpec& spec) {
    const bool same =
        most_ == spec.concurrency && policy_ == spec.pace && endpoint_ == spec.endpoint;
    // Resuming is somebody's word that the endpoint is there.
    if (same && spec.state == model::SubscriptionState::active) return;
    policy_ = spec.pace;
    most_ = spec.concurrency;
    endpoint_ = spec.endpoint;
    breaker_.reset();
    retries_.reset();
    consent_.reset();
    ask_again_us_ = 0;
    refusal_.clear();
    asked_until_us_ = 0;
    reason_.clear();
    if (policy_.breaker) breaker_.emplace(subscription.value);
    concurrency_.emplace(policy_.concurrency, most_);
    limit_rate();
    if (policy_.retry_share_percent > 0) retries_.emplace(retry_floor_per_s, retries_saved_max);
}

// What the subscription says, and below it what its endpoint agreed to.
void Pace::limit_rate() {
    rate_.reset();
    double rate = policy_.rate_per_s;
    if (consent_ && consent_->per_minute > 0) {
        const double agreed = consent_->per_minute / s_per_minute;
        rate = rate > 0 ? std::min(rate, agreed) : agreed;
    }
    if (rate > 0) rate_.emplace(rate, std::max(1.0, rate * burst_s));
}

bool Pace::lacks_consent() const {
    return policy_.handshake != model::Handshake::none && !consent_;
}

void Pace::heed_handshake(const sinks::AttemptResult& result, std::int64_t now_us) {
    if (result.failure == model::Failure::handshake) {
        consent_.reset();
        refusal_ = result.excerpt;
        ask_again_us_ = now_us + result.retry_after_ms * us_per_ms;
    } else if (result.consent && result.consent != consent_) {
        consent_ = result.consent;
        ask_again_us_ = 0;
        limit_rate();
        if (rate_) rate_->take(1, now_us);  // this one
    }
}

std::int64_t Pace::held_until_us() const {
    return std::max({asked_until_us_, ask_again_us_, breaker_ ? breaker_->until_us() : 0});
}

bool Pace::lets_through(std::size_t in_flight, std::int64_t now_us) const {
    if (in_flight >= concurrency() || now_us < held_until_us()) return false;
    if (breaker_ && !breaker_->lets_through(now_us)) return false;
    return !rate_ || rate_->has_one(now_us);
}

bool Pace::lets_retry(std::int64_t now_us) const {
    return !retries_ || retries_->has_one(now_us);
}

std::optional<std::int64_t> Pace::next_us(std::int64_t now_us) const {
    std::int64_t next = held_until_us();
    if (rate_) next = std::max(next, rate_->next_us(now_us));
    if (next <= now_us && retries_) next = retries_->next_us(now_us);
    if (next <= now_us) return {};
    return next;
}

bool Pace::on_start(bool retry, std::int64_t now_us) {
    if (rate_) rate_->take(1, now_us);
    if (retries_ && retry) {
        retries_->take(1, now_us);
    } else if (retries_) {
        // So many retries come to the share of all that one that is none stands for.
        const double share = policy_.retry_share_percent / 100.0;
        retries_->add(share / (1 - share), now_us);
    }
    return breaker_ && breaker_->on_start(now_us);
}

void Pace::on_end(const sinks::AttemptResult& result,
                  bool probe,
                  std::int64_t latency_us,
                  std::size_t in_flight,
                  std::int64_t now_us) {
    if (policy_.handshake != model::Handshake::none) heed_handshake(result, now_us);
    const Sign sign = sign_of(result);
    const bool was_open = breaker_ && breaker_->open();
    if (sign == Sign::badly || sign == Sign::disconnected) {
        reason_ = words_of(result);
        concurrency_->on_overload();
    } else if (sign == Sign::well && !was_open) {
        concurrency_->on_well(latency_us, in_flight);
    }
    if (breaker_) {
        breaker_->on_end(sign, probe, now_us);
        if (was_open && !breaker_->open()) concurrency_->begin_ramp();
    }
    if (policy_.heeds_answers) {
        const std::int64_t pause_us = asked_pause_ms(result) * us_per_ms;
        if (pause_us > 0) asked_until_us_ = std::max(asked_until_us_, now_us + pause_us);
    }
}

std::size_t Pace::concurrency() const {
    const std::size_t limit = concurrency_ ? concurrency_->limit() : 0;
    // The one that asks.
    return lacks_consent() ? std::min<std::size_t>(limit, 1) : limit;
}

Pace::Holding Pace::holding(std::int64_t now_us) const {
    Holding holding = held_by(now_us);
    holding.consent = consent_;
    return holding;
}

Pace::Holding Pace::held_by(std::int64_t now_us) const {
    if (lacks_consent()) {
        std::string reason = refusal_;
        if (reason.empty()) reason = "its endpoint is asked before the first message";
        return {model::Hold::handshake, ask_again_us_, std::move(reason)};
    }
    if (breaker_ && breaker_->open()) {
        return {model::Hold::breaker, breaker_->until_us(), reason_};
    }
    if (asked_until_us_ > now_us) return {model::Hold::retry_after, asked_until_us_, reason_};
    if (concurrency_ && concurrency_->ramping()) return {model::Hold::recovering, 0, reason_};
    return {};
}

}  // namespace penstock::dispatcher
