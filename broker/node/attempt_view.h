// Attempts of the track as clients are shown them. Pure functions.
#pragma once

#include "broker/api/requests.h"
#include "broker/core/data_query.h"
#include "broker/model/attempt.h"
#include "broker/node/bodies.h"

#include <algorithm>
#include <string>
#include <vector>

namespace penstock::node {

// The attempts of a row, as they ended: acknowledgements that came to something else were written
// before that was known. Empty where the body is gone.
inline std::vector<model::Attempt> attempts_of(const FetchedBody& body, const core::TrackRow& row) {
    if (!body) return {};
    auto attempts = model::decode_attempts(body->bytes).value_or(std::vector<model::Attempt>{});
    for (const core::AmendedAttempt& amended : row.amended) {
        const auto found = std::find_if(attempts.begin(), attempts.end(), [&](const auto& one) {
            return one.sequence == amended.sequence;
        });
        if (found == attempts.end()) continue;
        const bool moved = amended.failure == model::Failure::kv_moved;
        found->verdict = moved ? model::Verdict::not_attempted : model::Verdict::retry;
        found->failure = amended.failure;
        found->excerpt =
            moved ? "what it had read has moved: handled again, uncounted" : amended.excerpt;
    }
    return attempts;
}

// `subscription` is the name without the topic.
inline api::DeliveryView view_of(const model::Attempt& attempt,
                                 std::string topic,
                                 std::string subscription) {
    api::DeliveryView view;
    view.topic = std::move(topic);
    view.subscription = std::move(subscription);
    view.id = attempt.message;
    view.status = model::ends_well(attempt.verdict) ? "ok" : "failed";
    view.attempt = attempt.number;
    view.at_ms = attempt.at_ms;
    view.latency_us = attempt.latency_us;
    view.http_status = attempt.status;
    if (attempt.failure != model::Failure::none) view.reason = model::to_text(attempt.failure);
    if (attempt.verdict == model::Verdict::discarded) view.reason = model::to_text(attempt.verdict);
    view.target = attempt.target;
    view.excerpt = attempt.excerpt;
    view.log = attempt.log;
    view.version = attempt.version;
    return view;
}

}  // namespace penstock::node
