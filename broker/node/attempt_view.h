// An attempt of the track as clients are shown it. A pure function.
#pragma once

#include "broker/api/requests.h"
#include "broker/model/attempt.h"

#include <string>

namespace penstock::node {

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
