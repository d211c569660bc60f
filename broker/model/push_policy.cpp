#include "broker/model/push_policy.h"

namespace penstock::model {

PushPolicy attentive_push() {
    PushPolicy policy;
    policy.breaker = true;
    policy.heeds_answers = true;
    policy.concurrency = ConcurrencyMode::aimd;
    policy.retry_share_percent = retry_share_default_percent;
    return policy;
}

void apply(const PushChange& change, PushPolicy& policy) {
    const auto set = [](const auto& from, auto& to) {
        if (from) to = *from;
    };
    set(change.breaker, policy.breaker);
    set(change.heeds_answers, policy.heeds_answers);
    set(change.concurrency, policy.concurrency);
    set(change.rate_per_s, policy.rate_per_s);
    set(change.retry_share_percent, policy.retry_share_percent);
    set(change.client_errors_die, policy.client_errors_die);
    set(change.retried_statuses, policy.retried_statuses);
    set(change.deferral_ms_max, policy.deferral_ms_max);
    set(change.on_exhausted, policy.on_exhausted);
    set(change.order_by_key, policy.order_by_key);
    set(change.outputs, policy.outputs);
    set(change.batch, policy.batch);
    set(change.batch_bytes, policy.batch_bytes);
    set(change.batch_linger_ms, policy.batch_linger_ms);
    set(change.handshake, policy.handshake);
}

std::string_view to_text(ConcurrencyMode mode) {
    switch (mode) {
        case ConcurrencyMode::fixed:
            return "fixed";
        case ConcurrencyMode::aimd:
            return "aimd";
        case ConcurrencyMode::gradient:
            return "gradient";
    }
    return "unknown";
}

std::string_view to_text(OnExhausted choice) {
    switch (choice) {
        case OnExhausted::dead:
            return "dead";
        case OnExhausted::park:
            return "park";
        case OnExhausted::stop:
            return "stop";
    }
    return "unknown";
}

std::string_view to_text(Hold hold) {
    switch (hold) {
        case Hold::none:
            return "none";
        case Hold::breaker:
            return "breaker_open";
        case Hold::retry_after:
            return "told_to_wait";
        case Hold::recovering:
            return "recovering";
        case Hold::handshake:
            return "awaiting_handshake";
    }
    return "unknown";
}

std::string_view to_text(Handshake handshake) {
    switch (handshake) {
        case Handshake::none:
            return "none";
        case Handshake::challenge:
            return "challenge";
        case Handshake::cloudevents:
            return "cloudevents";
    }
    return "unknown";
}

}  // namespace penstock::model
