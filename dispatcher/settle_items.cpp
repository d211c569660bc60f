#include "dispatcher/settle_items.h"

#include "dispatcher/scheduler.h"

#include <algorithm>
#include <utility>

namespace penstock::dispatcher {

model::SettleItem item_of(const api::Delivery& delivery, const sinks::AttemptResult& result) {
    model::SettleItem item;
    item.sequence = delivery.sequence;
    item.generation = delivery.generation;
    item.verdict = result.verdict;
    item.failure = result.failure;
    item.status = result.status;
    item.retry_after_ms = result.retry_after_ms;
    // An acknowledgement whose effects turn out to be impossible becomes a failure.
    if (model::ends_well(result.verdict) && !result.effects) return item;
    item.excerpt = result.excerpt.substr(0, model::attempt_excerpt_bytes_max);
    item.log = result.log.substr(0, model::attempt_log_bytes_max);
    return item;
}

model::SettleItem untouched(const api::Delivery& delivery, model::Failure why) {
    sinks::AttemptResult result;
    result.verdict = model::Verdict::not_attempted;
    result.failure = why;
    return item_of(delivery, result);
}

std::optional<model::Attempt> attempt_of(const Flight& flight,
                                         const api::Delivery& delivery,
                                         sinks::AttemptResult result,
                                         std::int64_t now_us) {
    if (result.verdict == model::Verdict::not_attempted) return {};
    model::Attempt attempt;
    attempt.sequence = delivery.sequence;
    attempt.message = delivery.message;
    attempt.number = delivery.attempt;
    attempt.at_ms = flight.at_ms;
    attempt.latency_us = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(now_us - flight.started_us, 0, UINT32_MAX));
    attempt.verdict = result.verdict;
    attempt.failure = result.failure;
    attempt.status = result.status;
    attempt.version = result.version;
    if (model::ends_well(result.verdict)) return attempt;
    attempt.target = std::move(result.target);
    attempt.excerpt = result.excerpt.substr(0, model::attempt_excerpt_bytes_max);
    attempt.log = result.log.substr(0, model::attempt_log_bytes_max);
    return attempt;
}

bool may_end_otherwise(const api::HandlerEffects& effects, bool keeps_order) {
    if (!effects.reads.empty()) return true;
    return keeps_order && !(effects.outputs.empty() && effects.writes.empty());
}

}  // namespace penstock::dispatcher
