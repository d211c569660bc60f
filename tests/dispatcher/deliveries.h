// Deliveries as the node hands them out, for tests of the scheduler.
#pragma once

#include "broker/api/dispatch.h"
#include "dispatcher/scheduler.h"

#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {

// For tests that count deliveries: small payloads are expected from the first.
inline SchedulerLimits expecting_small() {
    SchedulerLimits limits;
    limits.payload_bytes_first = 10;
    return limits;
}

// One of each sequence from `first` to `last`, with bodies of `bytes`.
inline std::vector<api::Delivery> deliveries_of(model::SubscriptionNo subscription,
                                                model::Sequence first,
                                                model::Sequence last,
                                                std::uint32_t attempt,
                                                std::size_t bytes,
                                                model::Generation generation = 0) {
    std::vector<api::Delivery> all;
    for (model::Sequence at = first; at <= last; ++at) {
        api::Delivery delivery;
        delivery.subscription = subscription;
        delivery.sequence = at;
        delivery.generation = generation;
        delivery.attempt = attempt;
        delivery.message = model::MessageId(1000 + at);
        delivery.payload = std::string(bytes, 'x');
        all.push_back(std::move(delivery));
    }
    return all;
}

}  // namespace penstock::dispatcher
