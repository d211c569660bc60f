// Sink: one kind of destination. It tries a delivery once and classifies what happened; it never
// retries (the retry policy is in the core). All calls and completions happen on the dispatcher's
// thread; `done` is called exactly once, at the deadline at the latest, also when the sink stops.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/base/check.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sinks {

// An endpoint agreed to be sent messages.
struct Consent {
    model::TimeMs at_ms = 0;
    std::uint32_t per_minute = 0;  // requests; 0: as many as there are

    friend bool operator==(const Consent&, const Consent&) = default;
};

// What one attempt came to.
struct AttemptResult {
    model::Verdict verdict = model::Verdict::accepted;
    model::Failure failure = model::Failure::none;
    std::uint16_t status = 0;
    std::uint32_t retry_after_ms = 0;  // the receiver's wish; 0: none
    std::string target;                // the address tried
    std::string excerpt;               // start of a failed answer, or the error; at most 1 KiB
    bool settled = false;              // the sink settled it itself in one entry (queue sink)
    std::string log;                   // functions: end of its stderr, at most 2 KiB
    std::uint32_t version = 0;         // of the script that handled it; 0: none
    // What happens with the settling (verdict accepted); `item` is the dispatcher's to fill.
    std::optional<api::HandlerEffects> effects;
    std::string disable;  // not empty: take the subscription out of service for this reason
    std::optional<Consent> consent;  // of an endpoint that was asked (PushPolicy::handshake)
    bool of_item = false;  // status is what the answer to a batch says of this message alone
};

class Sink {
  public:
    using Done = std::function<void(AttemptResult)>;
    using Batch = std::vector<const api::Delivery*>;
    using BatchDone = std::function<void(std::vector<AttemptResult>)>;

    virtual ~Sink() = default;

    // Tries `delivery` for `target`; both live until `done` has returned.
    virtual void deliver(const api::Target& target, const api::Delivery& delivery, Done done) = 0;

    // Tries one or more in one request; `done` is given a result for each, in their order. Only for
    // targets with PushPolicy::batch above 1, which are those of sinks that have such requests.
    virtual void deliver_batch(const api::Target& /*target*/, Batch /*batch*/, BatchDone /*done*/) {
        check(false, "a target with batches has a sink with batches");
    }

    // The target is gone or changed: idle connections to it may close.
    virtual void forget(const api::Target& target) = 0;

    // Ends everything in flight as Verdict::not_attempted or what is known, then calls no more.
    virtual void stop() = 0;
};

// One sink of each kind that there is.
using Sinks = std::map<model::SinkKind, std::unique_ptr<Sink>>;

}  // namespace penstock::sinks
